#include <boost/test/unit_test.hpp>
#include <numeric>
#include <sstream>

#include "tests/daemon/stored_calls.h"

using namespace smiley;
using namespace smiley::daemon;
using shm::Kind;

namespace {

// The sum of the numbers in a list member.
std::uint64_t Sum(const std::string& line, const std::string& key) {
  const std::string begin = "\"" + key + "\":[";
  const std::size_t at = line.find(begin) + begin.size();
  std::istringstream list(line.substr(at, line.find(']', at) - at));
  std::uint64_t sum = 0;
  for (std::string number; std::getline(list, number, ',');) sum += std::stoull(number);
  return sum;
}

struct Fixture {
  TestCore core;
  std::vector<std::string> Ask(const std::string& request) {
    return Answered(core.services(), "{\"run\":\"r1\"," + request + "}");
  }
};

// Two pieces of a thread. Task 1 begins in the first and runs through the second (100 events); then task 2 runs.
void StoreTasks(Store& store) {
  PieceMaker first;
  first.Call(1)
      .Event(Kind::kTask, 1, 10)
      .Event(Kind::kCall, 3, 1)
      .Event(Kind::kRaise, 31, 1)
      .Event(Kind::kYield, 31, 20);
  first.Event(Kind::kTask, 2, 5).Event(Kind::kCall, 2, 1).Event(Kind::kReturn, 21, 5).Event(Kind::kTask, 1, 1);
  PieceMaker second(10);
  second.Open({{1, 1, 11}}).Base(44, 2);
  for (int i = 0; i < 100; ++i) second.Event(Kind::kLine, 11, 10);
  PieceMaker third(110);
  third.Open({{1, 1, 11}}).Base(1044, 2);
  third.Event(Kind::kLine, 12, 10)
      .Event(Kind::kTask, 2, 10)
      .Event(Kind::kStdout, 0, 5)
      .Event(Kind::kTask, 0, 1)
      .Event(Kind::kLine, 12, 1);
  StorePieces(store, "r1", {first.piece(), second.piece(), third.piece()});
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(task_lanes, Fixture)

BOOST_AUTO_TEST_CASE(tasks_are_counted_with_their_turns_and_where_they_began_and_ended) {
  StoreTasks(core.core().store());
  const auto tasks = Ask(R"("op":"tasks","counts":true)");
  BOOST_REQUIRE(tasks.size() == 3u);
  BOOST_TEST(Member(tasks[0], "name") == "task1");
  BOOST_TEST(Member(tasks[0], "events") == "106");
  BOOST_TEST(Member(tasks[0], "turns") == "2");
  BOOST_TEST(Member(tasks[0], "first") == "1:2");
  BOOST_TEST(Member(tasks[0], "last") == "1:110");
  BOOST_TEST(Member(tasks[1], "events") == "5");
  BOOST_TEST(Member(tasks[1], "turns") == "2");
  BOOST_TEST(Member(tasks[1], "first") == "1:6");
  BOOST_TEST(Member(tasks[1], "last") == "1:112");
  // A chunk in which one task runs from beginning to end is not read.
  BOOST_TEST(Member(tasks[2], "chunks_read") == "2");
}

BOOST_AUTO_TEST_CASE(a_task_that_never_ran_has_no_times_and_is_none_of_a_threads) {
  PieceMaker one;
  one.Call(1).Event(Kind::kTask, 2, 1).Return(11);
  StorePieces(core.core().store(), "r1", {one.piece()});
  const auto all = Ask(R"("op":"tasks","counts":true)");
  BOOST_REQUIRE(all.size() == 3u);
  BOOST_TEST(Member(all[0], "first") == "null");
  BOOST_TEST(Member(all[0], "last_ns") == "null");
  const auto own = Ask(R"("op":"tasks","thread":1)");
  BOOST_REQUIRE(own.size() == 2u);
  BOOST_TEST(Member(own[0], "task") == "2");
}

BOOST_AUTO_TEST_CASE(a_task_has_a_lane_with_its_own_events_only) {
  StoreTasks(core.core().store());
  const auto lanes = Ask(R"("op":"timeline","thread":1,"tasks":[1,2],"buckets":30)");
  BOOST_REQUIRE(lanes.size() == 3u);
  BOOST_TEST(Member(lanes[0], "task") == "1");
  BOOST_TEST(Sum(lanes[0], "events") == 106u);
  BOOST_TEST(Sum(lanes[0], "exceptions") == 1u);
  BOOST_TEST(Sum(lanes[0], "output") == 0u);
  BOOST_TEST((lanes[0].find(R"("single":[[2,)") != std::string::npos));
  BOOST_TEST(Member(lanes[1], "task") == "2");
  BOOST_TEST(Sum(lanes[1], "events") == 5u);
  BOOST_TEST(Sum(lanes[1], "output") == 1u);
}

BOOST_AUTO_TEST_CASE(a_stretch_that_begins_within_a_task_knows_which_one) {
  StoreTasks(core.core().store());
  const auto whole = Ask(R"("op":"timeline","thread":1,"tasks":[1])");
  const std::int64_t from = std::stoll(Member(whole[0], "from_ns")), to = std::stoll(Member(whole[0], "to_ns"));
  const std::string stretch =
      R"(,"from_ns":)" + std::to_string(from + (to - from) / 2) + R"(,"to_ns":)" + std::to_string(to);
  const auto lanes = Ask(R"("op":"timeline","thread":1,"tasks":[1,2])" + stretch);
  BOOST_TEST(Sum(lanes[0], "events") > 40u);
  BOOST_TEST(Sum(lanes[0], "events") < 60u);
  BOOST_TEST(Sum(lanes[1], "events") == 2u);
}

BOOST_AUTO_TEST_CASE(a_long_time_in_one_task_is_told_from_summaries) {
  PieceMaker begin;
  begin.Call(1).Event(Kind::kTask, 1, 1);
  std::vector<Piece> pieces = {begin.piece()};
  for (std::uint64_t seq = 3; seq < 3 + 50 * 100; seq += 100) {
    PieceMaker maker(seq);
    maker.Open({{1, 1, 11}}).Base(2 + (seq - 3) * 10, 1);
    for (int i = 0; i < 100; ++i) maker.Event(Kind::kLine, 11, 10);
    pieces.push_back(maker.piece());
  }
  StorePieces(core.core().store(), "r1", pieces);
  const auto lanes = Ask(R"("op":"timeline","thread":1,"tasks":[1,2])");
  BOOST_TEST(Member(lanes[0], "exact") == "false");
  BOOST_TEST(Sum(lanes[0], "events") > 4900u);
  BOOST_TEST(Sum(lanes[0], "events") < 5100u);
  BOOST_TEST(Member(lanes[1], "exact") == "true");
  BOOST_TEST(Member(lanes[2], "chunks_read") == "33");
  const auto other = Ask(R"("op":"timeline","thread":1,"tasks":[2])");
  BOOST_TEST(Member(other[1], "chunks_read") == "1");
}

BOOST_AUTO_TEST_CASE(tasks_without_a_thread_are_refused) {
  StoreTasks(core.core().store());
  BOOST_TEST(Ask(R"("op":"timeline","tasks":[1])")[0] == "error: 'tasks' needs 'thread': the thread of the tasks");
  BOOST_TEST(Ask(R"("op":"timeline","tasks":[1],"thread":9)")[0] ==
             "error: run r1 has no thread 9 (smiley-threads shows them)");
}

BOOST_AUTO_TEST_SUITE_END()
