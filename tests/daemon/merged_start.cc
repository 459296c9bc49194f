// A replay begins anywhere in the merged order of the threads, without reading earlier events.
#include <boost/test/unit_test.hpp>
#include <random>

#include "tests/daemon/stored_calls.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

struct Line {
  std::string position, line;
  std::uint64_t number = 1;  // how many events the line covers
};

struct Fixture {
  TestCore core;
  std::string run = "r1";

  // Threads that begin at various times, with idle times, equal times, losses, and pieces of a few events.
  void StoreManyThreads(std::uint32_t threads, unsigned seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    std::vector<Piece> pieces;
    for (std::uint32_t thread = 1; thread <= threads; ++thread) {
      std::uint64_t seq = 1, units = below(3000);
      const unsigned count = 1 + below(12);
      for (unsigned number = 0; number < count; ++number) {
        PieceMaker maker(seq, thread);
        maker.Base(units);
        for (unsigned left = 1 + below(30); left > 0; --left) {
          if (below(40) == 0) {
            const std::uint64_t lost = 1 + below(60);
            maker.Loss(seq, lost, units, units);
            seq += lost;
            continue;
          }
          const std::uint32_t delta = below(5) == 0 ? 0 : below(30) == 0 ? 2000 : below(20);
          units += delta;
          maker.Event(shm::Kind::kGc, 0, delta);
          ++seq;
        }
        pieces.push_back(maker.piece());
      }
    }
    StorePieces(core.core().store(), run, pieces);
  }

  std::vector<Line> Ask(const std::string& more) {
    std::vector<Line> lines;
    for (const std::string& line : Answered(core.services(), R"({"op":"replay","run":")" + run + '"' + more + "}")) {
      BOOST_REQUIRE_MESSAGE(line.rfind("error", 0) != 0, line);
      end = line;
      if (line.rfind("end", 0) == 0) continue;
      Line one{Member(line, "thread") + ":" + Member(line, "seq"), line, 1};
      if (Member(line, "event") == "lost") one.number = std::stoull(Member(line, "count"));
      lines.push_back(std::move(one));
    }
    return lines;
  }
  static std::string Positions(const std::vector<Line>& lines) {
    std::string text;
    for (const Line& one : lines) text += one.position + " ";
    return text;
  }
  // The lines of a page: from the line that covers event number `skip`, until it has `size` events.
  static std::string Page(const std::vector<Line>& all, std::uint64_t skip, std::uint64_t size) {
    std::string text;
    std::uint64_t at = 0;
    for (const Line& one : all) {
      at += one.number;
      if (at > skip && at - one.number < skip + size) text += one.position + " ";
    }
    return text;
  }
  std::string end;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(merged_start, Fixture)

BOOST_AUTO_TEST_CASE(pages_of_all_threads_follow_each_other_without_a_gap) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    run = "r" + std::to_string(seed);
    StoreManyThreads(seed * 3, seed);
    const std::vector<Line> all = Ask("");
    std::uint64_t total = 0;
    for (const Line& one : all) total += one.number;
    BOOST_REQUIRE(total > 200);
    for (const std::uint64_t size : {1, 7, 100}) {
      for (std::uint64_t skip = 0; skip < total; skip += size == 1 ? 5 : size) {
        BOOST_TEST_CONTEXT("seed " << seed << " skip " << skip << " size " << size) {
          const std::string more = ",\"limit\":" + std::to_string(size) + ",\"skip\":" + std::to_string(skip);
          BOOST_REQUIRE_EQUAL(Positions(Ask(more)), Page(all, skip, size));
          BOOST_REQUIRE_EQUAL(Positions(Ask(more + ",\"run_up\":0")), Page(all, skip, size));
        }
      }
    }
    BOOST_TEST(Ask(",\"skip\":" + std::to_string(total)).empty());
  }
}

BOOST_AUTO_TEST_CASE(what_comes_after_an_event_is_what_the_whole_replay_has_there) {
  StoreManyThreads(8, 4);
  const std::vector<Line> all = Ask("");
  for (std::size_t at = 0; at < all.size(); at += 3) {
    BOOST_TEST_CONTEXT("after " << all[at].position) {
      const std::vector<Line> rest = Ask(",\"limit\":20,\"after\":\"" + all[at].position + "\"");
      for (std::size_t i = 0; i < 20; ++i) {
        BOOST_REQUIRE_EQUAL(i < rest.size() ? rest[i].line : "none",
                            at + 1 + i < all.size() ? all[at + 1 + i].line : "none");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(behind_the_limit_what_fits_is_counted) {
  StoreManyThreads(3, 5);
  const std::size_t all = Ask(R"(,"where":"event == gc")").size();
  BOOST_TEST(Ask(R"(,"where":"event == gc","limit":4,"count":true)").size() == 4u);
  BOOST_TEST(Member(end, "events") == "4");
  BOOST_TEST(Member(end, "counted") == std::to_string(all));
}

BOOST_AUTO_TEST_CASE(a_place_in_all_threads_goes_without_a_thread) {
  StoreManyThreads(2, 6);
  const auto answer = [&](const std::string& more) {
    return Answered(core.services(), R"({"op":"replay","run":"r1")" + more + "}")[0];
  };
  const std::string wrong =
      "error: 'skip' and 'after' count events of all threads: give one of them, without 'thread', 'from' and 'last'";
  BOOST_TEST(answer(R"(,"skip":3,"thread":1)") == wrong);
  BOOST_TEST(answer(R"(,"skip":3,"after":"1:1")") == wrong);
  BOOST_TEST(answer(R"(,"after":"1:1","last":3)") == wrong);
  BOOST_TEST(answer(R"(,"after":"x")") == "error: 'after' must be a position like 2:1017");
  BOOST_TEST(answer(R"(,"after":"2:9999")") == "error: there is no event 2:9999 in run r1");
}

BOOST_AUTO_TEST_SUITE_END()
