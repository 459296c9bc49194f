#include <boost/test/unit_test.hpp>
#include <numeric>

#include "tests/daemon/stored_calls.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

// The numbers of a list member, without "single".
std::vector<std::uint64_t> List(const std::string& line, const std::string& key) {
  const std::string begin = "\"" + key + "\":[";
  std::size_t at = line.find(begin);
  BOOST_REQUIRE(at != std::string::npos);
  at += begin.size();
  std::vector<std::uint64_t> numbers;
  while (line[at] != ']') {
    std::size_t used = 0;
    numbers.push_back(std::stoull(line.substr(at, 20), &used));
    at += used;
    if (line[at] == ',') ++at;
  }
  return numbers;
}
std::uint64_t Sum(const std::vector<std::uint64_t>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), std::uint64_t{0});
}
std::string Ask(const std::string& more) { return R"({"op":"timeline","run":"r1")" + more + "}"; }

struct Fixture {
  TestCore core;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(timeline, Fixture)

BOOST_AUTO_TEST_CASE(a_short_run_has_a_lane_a_thread_with_each_event_where_it_was) {
  StoreSampleRun(core.core().store(), "r1");
  const auto lanes = Answered(core.services(), Ask(R"(,"buckets":50)"));
  BOOST_REQUIRE(lanes.size() == 3u);
  BOOST_TEST(Member(lanes[0], "thread") == "1");
  BOOST_TEST(Member(lanes[0], "exact") == "true");
  BOOST_TEST(List(lanes[0], "events").size() == 50u);
  BOOST_TEST(Sum(List(lanes[0], "events")) == 29u);
  BOOST_TEST(Sum(List(lanes[0], "exceptions")) == 2u);
  BOOST_TEST(Sum(List(lanes[0], "output")) == 1u);
  BOOST_TEST(Sum(List(lanes[0], "lost")) == 0u);
  BOOST_TEST(List(lanes[0], "seq")[0] == 1u);
  BOOST_TEST((lanes[0].find(R"("single":[[1,)") != std::string::npos));
  BOOST_TEST(Sum(List(lanes[1], "lost")) == 5u);
  BOOST_TEST(Sum(List(lanes[1], "output")) == 1u);
}

BOOST_AUTO_TEST_CASE(a_long_run_is_told_from_summaries_and_a_short_stretch_of_it_exactly) {
  StoreLongRun(core.core().store(), "r1", 200'000);
  const auto whole = Answered(core.services(), Ask(""));
  BOOST_TEST(Member(whole[0], "exact") == "false");
  BOOST_TEST(Member(whole.back(), "chunks_read") == "0");
  const double events = static_cast<double>(Sum(List(whole[0], "events")));
  BOOST_TEST(events > 190'000);
  BOOST_TEST(events < 210'000);
  const std::int64_t from = std::stoll(Member(whole[0], "from_ns")), to = std::stoll(Member(whole[0], "to_ns"));
  const std::int64_t middle = from + (to - from) / 2;
  const auto part = Answered(core.services(), Ask(R"(,"thread":1,"from_ns":)" + std::to_string(middle) +
                                                  R"(,"to_ns":)" + std::to_string(middle + (to - from) / 1000)));
  BOOST_TEST(Member(part[0], "exact") == "true");
  const auto seqs = List(part[0], "seq");
  const auto first = std::find_if(seqs.begin(), seqs.end(), [](std::uint64_t seq) { return seq != 0; });
  BOOST_REQUIRE(first != seqs.end());
  BOOST_TEST(*first > 90'000u);
  BOOST_TEST(*first < 110'000u);
}

BOOST_AUTO_TEST_CASE(a_stretch_that_ends_before_it_begins_is_refused) {
  StoreSampleRun(core.core().store(), "r1");
  BOOST_TEST(Answered(core.services(), Ask(R"(,"from_ns":5,"to_ns":4)"))[0] ==
             "error: 'from_ns' is later than 'to_ns'");
}

BOOST_AUTO_TEST_CASE(some_threads_are_asked_for_by_their_numbers) {
  StoreSampleRun(core.core().store(), "r1");
  const auto lanes = Answered(core.services(), Ask(R"(,"threads":[2])"));
  BOOST_REQUIRE(lanes.size() == 2u);
  BOOST_TEST(Member(lanes[0], "thread") == "2");
  BOOST_TEST(Answered(core.services(), Ask(R"(,"threads":[0])"))[0] ==
             "error: 'threads' must be an array of at most 256 integers from 1 to 4294967295");
  BOOST_TEST(Answered(core.services(), Ask(R"(,"threads":["2"])"))[0] ==
             "error: 'threads' must be an array of at most 256 integers from 1 to 4294967295");
  BOOST_TEST(Answered(core.services(), Ask(R"(,"threads":[])")).size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
