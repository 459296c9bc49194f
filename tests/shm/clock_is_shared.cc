#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <thread>

#include "shm/clock.h"

using namespace smiley::shm;

namespace {

std::int64_t Difference(std::uint64_t a, std::uint64_t b) { return std::llabs(static_cast<std::int64_t>(a - b)); }

// The smallest of several measurements, which the scheduler did not disturb.
template <typename F>
std::int64_t Best(F&& measure) {
  std::int64_t best = INT64_MAX;
  for (int i = 0; i < 200; ++i) best = std::min(best, measure());
  return best;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(clock_is_shared)

BOOST_AUTO_TEST_CASE(a_unit_is_four_to_eight_nanoseconds) {
  for (const Clock& clock : {Clock::Detect(), Clock::Monotonic()}) {
    BOOST_TEST(clock.NsPerUnit() >= 4.0);
    BOOST_TEST(clock.NsPerUnit() < 8.0);
    BOOST_TEST(
        Difference(static_cast<std::uint64_t>(static_cast<double>(clock.anchor_interval_units) * clock.NsPerUnit()),
                   kAnchorIntervalNs) < 100);
  }
}

BOOST_AUTO_TEST_CASE(it_never_goes_back_within_a_thread) {
  for (const Clock& clock : {Clock::Detect(), Clock::Monotonic()}) {
    std::uint64_t last = 0;
    for (int i = 0; i < 200'000; ++i) {
      const std::uint64_t now = clock.NowUnits();
      BOOST_REQUIRE(now >= last);
      last = now;
    }
  }
}

BOOST_AUTO_TEST_CASE(an_anchor_ties_it_to_the_monotonic_clock) {
  const Clock clock = Clock::Detect();
  const std::int64_t best = Best([&] {
    const std::uint64_t before = MonotonicNs();
    const std::uint64_t units = clock.NowUnits();
    const std::uint64_t after = MonotonicNs();
    return Difference(clock.AnchorAt(units).mono_ns, before + (after - before) / 2);
  });
  BOOST_TEST(best < 1000);
}

BOOST_AUTO_TEST_CASE(processes_agree_to_a_microsecond) {
  // The child reports one instant in units and in CLOCK_MONOTONIC. The parent converts the child's units with its own
  // anchor.
  const Clock here = Clock::Detect();
  int ends[2];
  BOOST_REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    const Clock there = Clock::Detect();
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t before = MonotonicNs();
      const std::uint64_t units = there.NowUnits();
      const std::uint64_t after = MonotonicNs();
      const std::uint64_t both[2] = {units << there.shift, before + (after - before) / 2};
      if (write(ends[1], both, sizeof both) != sizeof both) _exit(1);
    }
    _exit(0);
  }
  const std::int64_t best = Best([&] {
    std::uint64_t both[2] = {};
    BOOST_REQUIRE(read(ends[0], both, sizeof both) == sizeof both);
    return Difference(here.AnchorAt(both[0] >> here.shift).mono_ns, both[1]);
  });
  int status = 1;
  waitpid(child, &status, 0);
  BOOST_TEST(status == 0);
  BOOST_TEST(best < 1000);
  close(ends[0]);
  close(ends[1]);
}

BOOST_AUTO_TEST_CASE(threads_agree_on_what_came_first) {
  const Clock clock = Clock::Detect();
  std::atomic<std::uint64_t> ball{0};
  std::uint64_t wrong = 0;
  std::thread other([&] {
    for (int i = 0; i < 2000; ++i) {
      while (!(ball.load() & 1)) std::this_thread::yield();
      ball = (clock.NowUnits() + 1) << 1;
    }
  });
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t thrown = clock.NowUnits();
    ball = thrown << 1 | 1;
    while (ball.load() & 1) std::this_thread::yield();
    const std::uint64_t hit = (ball.load() >> 1) - 1, caught = clock.NowUnits();
    // The processor may read the counter some instructions early: by a few units, far below a microsecond.
    const auto slack = static_cast<std::uint64_t>(1000.0 / clock.NsPerUnit());
    wrong += hit + slack < thrown || caught + slack < hit;
  }
  other.join();
  BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
