#include <boost/test/unit_test.hpp>

#include "tests/daemon/stored_calls.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

struct Fixture {
  TestCore core;
  std::vector<std::string> Ask(const std::string& more) {
    return Answered(core.services(), R"({"op":"replay","run":"r1")" + more + "}");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(replay_frame, Fixture)

BOOST_AUTO_TEST_CASE(a_frame_is_replayed_with_the_calls_that_it_made_but_not_with_their_lines) {
  PieceMaker one;
  one.Call(1)
      .Line(11)
      .Call(2)
      .Line(21)
      .Call(2)
      .Line(22)
      .Return(22)
      .Return(21)
      .Line(12)
      .Return(12)
      .Call(1)
      .Line(11)
      .Return(11);
  StorePieces(core.core().store(), "r1", {one.piece()});
  std::string seqs;
  for (const std::string& line : Ask(R"(,"from":"1:1","frame":1)")) seqs += Member(line, "seq") + " ";
  BOOST_TEST(seqs == "1 2 3 8 9 10 absent ");
  BOOST_TEST(Ask(R"(,"from":"1:1","frame":2)").size() == 6u);
}

BOOST_AUTO_TEST_CASE(a_frame_without_a_thread_is_refused) {
  PieceMaker one;
  one.Call(1).Return(11);
  StorePieces(core.core().store(), "r1", {one.piece()});
  const std::string wrong = "error: 'frame' needs 'thread', or a position as 'from', and excludes 'last'";
  BOOST_TEST(Ask(R"(,"frame":1)")[0] == wrong);
  BOOST_TEST(Ask(R"(,"frame":1,"thread":1,"last":5)")[0] == wrong);
}

BOOST_AUTO_TEST_SUITE_END()
