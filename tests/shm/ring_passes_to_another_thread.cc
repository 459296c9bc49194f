#include <boost/test/unit_test.hpp>

#include "tests/shm/ring_support.h"

using namespace smiley::shm;
using namespace smiley::shm::testing;

BOOST_AUTO_TEST_SUITE(ring_passes_to_another_thread)

BOOST_AUTO_TEST_CASE(each_thread_begins_at_a_block_of_its_own) {
  TemporaryHome home;
  auto segment = MakeRing(*home, 4, OnFull::kDrop);
  PatternReader reader(OpenAgain(*home, segment->found()));
  for (std::uint32_t thread = 1; thread <= 20; ++thread) {
    RingWriter writer(std::move(segment), Clock::Monotonic(), {});
    writer.StartThread(thread, 1);
    BOOST_TEST(writer.segment().header().thread.load() == thread);
    for (int i = 1; i <= 10; ++i) BOOST_REQUIRE(WritePattern(writer, thread * 1000 + i));
    BOOST_REQUIRE(writer.EndThread());
    BOOST_TEST(writer.segment().header().thread.load() == 0u);
    segment = writer.Release();
    BOOST_REQUIRE(segment);
    BOOST_TEST(segment->header().write_pos.load() == thread * kBlockWords);
    const std::uint64_t before = reader.events;
    reader.DrainAll();
    BOOST_TEST(reader.events - before == 10u);
    BOOST_TEST(reader.thread == thread);
    BOOST_TEST(reader.bad == 0u);
  }
}

BOOST_AUTO_TEST_CASE(one_writer_may_serve_thread_after_thread) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kDrop), Clock::Monotonic(), {});
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  for (std::uint32_t thread = 1; thread <= 5; ++thread) {
    const std::uint32_t epoch = writer.epoch();
    writer.StartThread(thread, 1);
    BOOST_TEST(writer.epoch() != epoch);
    for (int i = 1; i <= 10; ++i) BOOST_REQUIRE(WritePattern(writer, i));  // the time starts at 1 again
    BOOST_REQUIRE(writer.EndThread());
    reader.DrainAll();
    BOOST_TEST(reader.last_units == 10u);
  }
  BOOST_TEST(reader.events == 50u);
  BOOST_TEST(reader.bad == 0u);
}

BOOST_AUTO_TEST_CASE(a_thread_that_wrote_nothing_leaves_nothing) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kDrop), Clock::Monotonic(), {});
  for (std::uint32_t thread = 1; thread <= 10; ++thread) {
    writer.StartThread(thread, 1);
    BOOST_REQUIRE(writer.EndThread());
  }
  BOOST_TEST(writer.segment().header().write_pos.load() == 0u);
}

BOOST_AUTO_TEST_CASE(a_loss_at_the_end_is_written_when_there_is_room) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kDrop), Clock::Monotonic(), {});
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  writer.StartThread(1, 1);
  std::uint64_t units = 0;
  while (WritePattern(writer, ++units)) {
  }
  reader.DrainAll();
  BOOST_TEST(writer.EndThread());
  reader.DrainAll();
  BOOST_TEST(reader.lost == 1u);
  BOOST_TEST(reader.events + 1 == units);
}

BOOST_AUTO_TEST_CASE(a_loss_that_finds_no_room_stays_in_the_header_and_the_ring_is_not_passed_on) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kDrop), Clock::Monotonic(), {});
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  writer.StartThread(9, 1);
  std::uint64_t units = 0;
  while (WritePattern(writer, ++units)) {
  }
  BOOST_TEST(!writer.EndThread());
  const auto pending = reader.reader.Pending();
  BOOST_TEST(pending.thread == 9u);
  BOOST_TEST(pending.count == 1u);
  BOOST_TEST(pending.first == writer.last_seq());
}

BOOST_AUTO_TEST_CASE(a_ring_left_in_the_middle_of_a_block_goes_on_at_the_next) {
  TemporaryHome home;
  auto segment = MakeRing(*home, 4, OnFull::kDrop);
  PatternReader reader(OpenAgain(*home, segment->found()));
  {
    RingWriter writer(std::move(segment), Clock::Monotonic(), {});
    writer.StartThread(1, 1);
    BOOST_REQUIRE(WritePattern(writer, 1));
    segment = writer.Release();
  }
  RingWriter writer(std::move(segment), Clock::Monotonic(), {});
  BOOST_TEST(writer.segment().header().write_pos.load() == kBlockWords);
  writer.StartThread(1, 2);
  BOOST_REQUIRE(WritePattern(writer, 2));
  reader.DrainAll();
  BOOST_TEST(reader.events == 2u);
  BOOST_TEST(reader.bad == 0u);
}

BOOST_AUTO_TEST_CASE(a_thread_goes_on_in_a_larger_ring) {
  TemporaryHome home;
  RingWriter small(MakeRing(*home, 2, OnFull::kDrop), Clock::Monotonic(), {});
  PatternReader first(OpenAgain(*home, small.segment().found()));
  small.StartThread(7, 1);
  for (int i = 1; i <= 100; ++i) BOOST_REQUIRE(WritePattern(small, i));
  RingWriter large(MakeRing(*home, 4, OnFull::kDrop, 1), Clock::Monotonic(), {});
  BOOST_REQUIRE(large.GoOnFrom(&small));
  BOOST_TEST(small.segment().header().thread.load() == 0u);
  BOOST_TEST(large.segment().header().thread.load() == 7u);
  BOOST_TEST(large.last_seq() == 100u);
  BOOST_TEST(large.epoch() == small.epoch());
  PatternReader then(OpenAgain(*home, large.segment().found()));
  for (int i = 101; i <= 200; ++i) BOOST_REQUIRE(WritePattern(large, i));
  first.DrainAll();
  then.DrainAll();
  BOOST_TEST(first.events == 100u);
  BOOST_TEST(then.events == 100u);
  BOOST_TEST(then.thread == 7u);
  BOOST_TEST(then.bad == 0u);
  BOOST_TEST(then.last_units == 200u);
}

BOOST_AUTO_TEST_CASE(not_while_events_are_being_lost) {
  TemporaryHome home;
  RingWriter small(MakeRing(*home, 2, OnFull::kDrop), Clock::Monotonic(), {});
  small.StartThread(1, 1);
  std::uint64_t units = 0;
  while (WritePattern(small, ++units)) {
  }
  RingWriter large(MakeRing(*home, 4, OnFull::kDrop, 1), Clock::Monotonic(), {});
  BOOST_TEST(!large.GoOnFrom(&small));
  BOOST_TEST(small.segment().header().thread.load() == 1u);
  BOOST_TEST(large.segment().header().write_pos.load() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
