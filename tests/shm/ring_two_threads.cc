#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/shm/ring_support.h"

using namespace smiley::shm;
using namespace smiley::shm::testing;

BOOST_AUTO_TEST_SUITE(ring_two_threads)

// Producer and consumer run at full speed. With kBlock the producer waits for the consumer; with kDrop it loses
// events and counts them. Every event that arrives is whole and in order.
void AtSpeed(std::size_t blocks, OnFull on_full, std::uint64_t total) {
  TemporaryHome home;
  RingWriter::Options options;
  options.wait = [](void*) {
    std::this_thread::yield();
    return true;
  };
  RingWriter writer(MakeRing(*home, blocks, on_full), Clock::Detect(), options);
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  std::atomic<bool> done{false};
  const Clock clock = Clock::Detect();
  std::thread producer([&] {
    writer.StartThread(1, 1);
    for (std::uint64_t i = 1; i <= total; ++i) WritePattern(writer, clock.NowUnits());
    done = true;
  });
  const Deadline deadline(std::chrono::seconds(120));
  while (!done && deadline.left()) {
    if (reader.Step() == ReadState::kEmpty) std::this_thread::yield();
    reader.reader.Free(reader.reader.position());
  }
  BOOST_REQUIRE(done);
  producer.join();
  reader.DrainAll();
  const std::uint64_t pending = reader.reader.Pending().count;
  BOOST_TEST(reader.bad == 0u);
  BOOST_TEST(reader.missing == 0u);
  BOOST_TEST(reader.backwards == 0u);
  BOOST_TEST(reader.events + reader.lost + pending == total);
  BOOST_TEST(reader.lost + pending == writer.lost());
  if (on_full == OnFull::kBlock) BOOST_TEST(reader.events == total);
}

BOOST_AUTO_TEST_CASE(two_blocks_waiting) { AtSpeed(2, OnFull::kBlock, 2'000'000); }
BOOST_AUTO_TEST_CASE(sixteen_blocks_waiting) { AtSpeed(16, OnFull::kBlock, 2'000'000); }
BOOST_AUTO_TEST_CASE(two_blocks_dropping) { AtSpeed(2, OnFull::kDrop, 2'000'000); }

BOOST_AUTO_TEST_CASE(overwriting_under_a_racing_reader_never_shows_a_torn_block) {
  TemporaryHome home;
  RingWriter writer(MakeRing(*home, 2, OnFull::kOverwrite), Clock::Monotonic(), {});
  PatternReader reader(OpenAgain(*home, writer.segment().found()));
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> overruns{0};
  const Deadline deadline(std::chrono::seconds(120));
  std::uint64_t total = 0;
  std::thread producer([&] {
    writer.StartThread(1, 1);
    // At least 3,000,000 events, and until the producer has overtaken the reader. That takes longer on a machine that
    // runs the two in turn.
    while (total < 3'000'000 || (overruns == 0 && deadline.left())) WritePattern(writer, ++total);
    done = true;
  });
  while (!done) overruns += reader.Step() == ReadState::kOverrun;
  producer.join();
  reader.DrainAll();
  BOOST_TEST(overruns > 0u);
  BOOST_TEST(reader.bad == 0u);
  BOOST_TEST(reader.damaged == 0u);
  BOOST_TEST(reader.events + reader.missing == total);
}

BOOST_AUTO_TEST_SUITE_END()
