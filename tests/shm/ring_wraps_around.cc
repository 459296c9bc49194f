#include <boost/test/unit_test.hpp>

#include "tests/shm/ring_support.h"

using namespace smiley::shm;
using namespace smiley::shm::testing;

BOOST_AUTO_TEST_SUITE(ring_wraps_around)

// Many laps in rings of 2, 4 and 16 blocks, with a reader that keeps up.
void Laps(std::size_t blocks) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, blocks, OnFull::kDrop), Clock::Monotonic(), {});
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  writer.StartThread(1, 1);
  const std::uint64_t total = 60'000 * blocks;
  for (std::uint64_t i = 1; i <= total; ++i) {
    BOOST_REQUIRE(WritePattern(writer, i * 10));
    if (i % 64 == 0) reader.DrainAll();
  }
  reader.DrainAll();
  BOOST_TEST(reader.events == total);
  BOOST_TEST(reader.bad == 0u);
  BOOST_TEST(reader.missing == 0u);
  BOOST_TEST(reader.lost == 0u);
  BOOST_TEST(reader.cut == 0u);
  BOOST_TEST(reader.backwards == 0u);
  BOOST_TEST(reader.last_units == total * 10);
  BOOST_TEST(reader.reader.position() / kBlockWords > blocks * 3);
}

BOOST_AUTO_TEST_CASE(two_blocks) { Laps(2); }
BOOST_AUTO_TEST_CASE(four_blocks) { Laps(4); }
BOOST_AUTO_TEST_CASE(sixteen_blocks) { Laps(16); }

BOOST_AUTO_TEST_CASE(parts_of_a_growing_block_join_without_a_seam) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kDrop), Clock::Monotonic(), {});
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  writer.StartThread(1, 1);
  for (std::uint64_t i = 1; i <= 20'000; ++i) {
    BOOST_REQUIRE(WritePattern(writer, i));
    reader.DrainAll();  // each part holds one event
  }
  BOOST_TEST(reader.events == 20'000u);
  BOOST_TEST(reader.bad == 0u);
  BOOST_TEST(reader.reader.Backlog() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
