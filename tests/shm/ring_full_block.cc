#include <boost/test/unit_test.hpp>

#include "tests/shm/ring_support.h"

using namespace smiley::shm;
using namespace smiley::shm::testing;

namespace {

struct Waiter {
  PatternReader* reader = nullptr;
  int calls = 0;
  int drain_at = 0;    // drains the ring at every call whose number is a multiple of it; 0: never
  int give_up_at = 0;  // number of the first call that returns false, from 1; 0: none
  static bool Wait(void* context) {
    auto* self = static_cast<Waiter*>(context);
    ++self->calls;
    if (self->drain_at && self->calls % self->drain_at == 0) self->reader->DrainAll();
    return !(self->give_up_at && self->calls >= self->give_up_at);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(ring_full_block)

BOOST_AUTO_TEST_CASE(the_wait_is_asked_until_there_is_room_and_nothing_is_lost) {
  TemporaryHome home;
  Waiter waiter;
  RingWriter writer(MakeRing(*home, 2, OnFull::kBlock), Clock::Monotonic(), {&Waiter::Wait, &waiter, nullptr});
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  waiter.reader = &reader;
  waiter.drain_at = 5;
  writer.StartThread(1, 1);
  for (std::uint64_t i = 1; i <= 100'000; ++i) BOOST_REQUIRE(WritePattern(writer, i));
  reader.DrainAll();
  BOOST_TEST(waiter.calls > 50);
  BOOST_TEST(waiter.calls % 5 == 0);
  BOOST_TEST(reader.events == 100'000u);
  BOOST_TEST(reader.bad == 0u);
  BOOST_TEST(reader.lost == 0u);
  BOOST_TEST(writer.lost() == 0u);
}

BOOST_AUTO_TEST_CASE(giving_up_loses_events_until_there_is_room_without_asking_again) {
  TemporaryHome home;
  Waiter waiter;
  waiter.give_up_at = 3;
  RingWriter writer(MakeRing(*home, 2, OnFull::kBlock), Clock::Monotonic(), {&Waiter::Wait, &waiter, nullptr});
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  writer.StartThread(1, 1);
  std::uint64_t units = 0;
  while (WritePattern(writer, ++units)) {
  }
  const int asked = waiter.calls;
  for (int i = 0; i < 1000; ++i) BOOST_REQUIRE(!WritePattern(writer, ++units));
  BOOST_TEST(waiter.calls == asked);
  BOOST_TEST(writer.lost() == 1001u);
  reader.DrainAll();
  BOOST_REQUIRE(WritePattern(writer, ++units));
  reader.DrainAll();
  BOOST_TEST(reader.lost == 1001u);
  BOOST_TEST(reader.events + reader.lost == writer.last_seq());
}

BOOST_AUTO_TEST_CASE(without_a_wait_function_a_full_ring_loses) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kBlock), Clock::Monotonic(), {});
  writer.StartThread(1, 1);
  std::uint64_t units = 0;
  while (WritePattern(writer, ++units)) {
  }
  BOOST_TEST(writer.lost() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
