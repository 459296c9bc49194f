#include <boost/test/unit_test.hpp>

#include "tests/daemon/stored_calls.h"

using namespace smiley;
using namespace smiley::daemon;

namespace {

struct Fixture {
  TestCore core;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(line_hits, Fixture)

BOOST_AUTO_TEST_CASE(each_line_is_counted_over_all_threads_or_in_one) {
  PieceMaker one, two(1, 2);
  one.Call(1).Line(11).Line(12).Line(11).Call(2).Line(21).Return(21).Line(12).Return(12);
  two.Call(1).Line(11).Return(11);
  StorePieces(core.core().store(), "r1", {one.piece(), two.piece()});
  const auto all = Answered(core.services(), R"({"op":"hits","run":"r1"})");
  BOOST_REQUIRE(all.size() == 2u);
  BOOST_TEST(all[0] == R"({"type":"hits","source":1,"events":6,"lines":[[11,3],[12,2],[21,1]]})");
  BOOST_TEST(all[1] == R"(end: "count":1)");
  const auto second = Answered(core.services(), R"({"op":"hits","run":"r1","thread":2})");
  BOOST_TEST(second[0] == R"({"type":"hits","source":1,"events":1,"lines":[[11,1]]})");
}

BOOST_AUTO_TEST_SUITE_END()
