#include <boost/test/unit_test.hpp>

#include "tests/shm/ring_support.h"

using namespace smiley::shm;
using namespace smiley::shm::testing;

BOOST_AUTO_TEST_SUITE(ring_full_drop)

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_counted_exactly_and_told) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kDrop), Clock::Monotonic(), {});
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  writer.StartThread(1, 1);
  std::uint64_t units = 0, stored = 0, lost = 0, first_lost = 0;
  while (lost < 500) {
    if (WritePattern(writer, ++units)) {
      ++stored;
    } else {
      if (!lost) first_lost = writer.last_seq();
      ++lost;
    }
  }
  BOOST_TEST(writer.lost() == lost);
  BOOST_TEST(writer.last_seq() == stored + lost);
  BOOST_TEST(writer.segment().header().dropping.load() == 1u);
  const auto pending = reader.reader.Pending();
  BOOST_TEST(pending.thread == 1u);
  BOOST_TEST(pending.first == first_lost);
  BOOST_TEST(pending.count == lost);
  BOOST_TEST(pending.first_units == first_lost);
  BOOST_TEST(pending.last_units == units);

  const std::uint32_t epoch = writer.epoch();
  reader.DrainAll();
  BOOST_TEST(reader.events == stored);
  BOOST_TEST(reader.lost == 0u);
  BOOST_REQUIRE(WritePattern(writer, ++units));  // there is room: the loss ends with this event
  BOOST_TEST(writer.epoch() != epoch);
  BOOST_TEST(writer.segment().header().dropping.load() == 0u);
  BOOST_TEST(reader.reader.Pending().count == 0u);
  reader.DrainAll();
  BOOST_TEST(reader.losses == 1u);
  BOOST_TEST(reader.lost == lost);
  BOOST_TEST(reader.events == stored + 1);
  BOOST_TEST(reader.events + reader.lost == writer.last_seq());
  BOOST_TEST(reader.next_seq == writer.last_seq() + 1);
  BOOST_TEST(reader.missing == 0u);
  BOOST_TEST(reader.bad == 0u);
}

BOOST_AUTO_TEST_CASE(many_losses_add_up) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 4, OnFull::kDrop), Clock::Monotonic(), {});
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  writer.StartThread(3, 1);
  std::uint64_t random = 1;
  for (std::uint64_t i = 1; i <= 300'000; ++i) {
    WritePattern(writer, i);
    random = random * 6364136223846793005u + 1442695040888963407u;
    if (random >> 48 < 8) {
      reader.Step();
      reader.reader.Free(reader.reader.position());
    }
  }
  reader.DrainAll();
  BOOST_REQUIRE(WritePattern(writer, 300'001));
  reader.DrainAll();
  BOOST_TEST(reader.losses > 2u);
  BOOST_TEST(reader.events + reader.lost == 300'001u);
  BOOST_TEST(reader.lost == writer.lost());
  BOOST_TEST(reader.missing == 0u);
  BOOST_TEST(reader.bad == 0u);
  BOOST_TEST(reader.backwards == 0u);
}

BOOST_AUTO_TEST_CASE(the_header_of_a_block_counts_the_losses_before_it) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kDrop), Clock::Monotonic(), {});
  RingReader reader(OpenAgain(*home, writer.segment().found()), 0);
  writer.StartThread(1, 1);
  const auto lose = [&](std::uint64_t count) {
    while (writer.Begin(Kind::kLine, 0, 1, 5)) writer.Commit();
    for (std::uint64_t i = 1; i < count; ++i) BOOST_REQUIRE(!writer.Begin(Kind::kLine, 0, 1, 5));
  };
  const auto losses_in_headers = [&] {
    BlockPart part;
    std::vector<std::uint64_t> lost;
    while (reader.Read(&part) == ReadState::kData) lost.push_back(part.header.lost);
    reader.Free(reader.position());
    return lost;
  };
  lose(10);
  BOOST_TEST(losses_in_headers() == (std::vector<std::uint64_t>{0, 0}), boost::test_tools::per_element());
  lose(7);
  // The first block after the loss begins with the kLost event itself.
  BOOST_TEST(losses_in_headers() == (std::vector<std::uint64_t>{0, 10}), boost::test_tools::per_element());
  BOOST_TEST(writer.lost() == 17u);
}

BOOST_AUTO_TEST_SUITE_END()
