#include <boost/test/unit_test.hpp>

#include "tests/shm/ring_support.h"

using namespace smiley::shm;
using namespace smiley::shm::testing;

BOOST_AUTO_TEST_SUITE(ring_overwrites_the_oldest)

BOOST_AUTO_TEST_CASE(the_newest_stay_and_the_gap_is_exact) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 4, OnFull::kOverwrite), Clock::Monotonic(), {});
  writer.StartThread(1, 1);
  for (std::uint64_t i = 1; i <= 500'000; ++i) BOOST_REQUIRE(WritePattern(writer, i));
  BOOST_TEST(writer.lost() == 0u);  // the writer does not count overwritten events
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  BOOST_CHECK(reader.Step() == ReadState::kOverrun);
  reader.DrainAll();
  BOOST_TEST(reader.bad == 0u);
  BOOST_TEST(reader.missing > 0u);
  BOOST_TEST(reader.missing + reader.events == 500'000u);
  BOOST_TEST(reader.next_seq == 500'001u);
}

BOOST_AUTO_TEST_CASE(a_reader_in_step_misses_nothing) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kOverwrite), Clock::Monotonic(), {});
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  writer.StartThread(1, 1);
  for (std::uint64_t i = 1; i <= 100'000; ++i) {
    BOOST_REQUIRE(WritePattern(writer, i));
    reader.DrainAll();
  }
  BOOST_TEST(reader.events == 100'000u);
  BOOST_TEST(reader.missing == 0u);
}

BOOST_AUTO_TEST_CASE(the_epoch_changes_at_every_quarter_of_the_ring) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 16, OnFull::kOverwrite), Clock::Monotonic(), {});
  writer.StartThread(1, 1);
  std::vector<std::uint64_t> blocks;  // numbers of the blocks in which the epoch changed
  std::uint32_t epoch = writer.epoch();
  for (std::uint64_t i = 1; i <= 2'000'000; ++i) {
    BOOST_REQUIRE(WritePattern(writer, i));
    if (writer.epoch() == epoch) continue;
    epoch = writer.epoch();
    blocks.push_back((writer.segment().header().write_pos.load() - 1) / kBlockWords);
  }
  BOOST_REQUIRE(blocks.size() > 10);
  for (std::size_t i = 0; i < blocks.size(); ++i) BOOST_TEST(blocks[i] == i * 4);
}

BOOST_AUTO_TEST_SUITE_END()
