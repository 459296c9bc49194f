// Thread rule: Clock is immutable after Detect(); Now*() may be called from any thread.
//
// One time reading per event: the TSC where the kernel itself trusts it (invariant, clocksource "tsc"),
// CLOCK_MONOTONIC otherwise. A unit is 2^shift ticks, chosen to be 4 to 8 ns.
#pragma once

#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include <cstdint>

#include "shm/format.h"

namespace smiley::shm {

inline std::uint64_t MonotonicNs() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<std::uint64_t>(ts.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(ts.tv_nsec);
}

// One instant, on both clocks.
struct ClockAnchor {
  std::uint64_t units = 0;
  std::uint64_t mono_ns = 0;
};

struct Clock {
  ClockSource source = ClockSource::kMonotonic;
  std::uint32_t shift = 2;
  std::uint64_t ticks_per_second = 1'000'000'000;  // estimate; from the kernel or a short calibration
  std::uint64_t anchor_interval_units = 0;         // kAnchorIntervalNs in units

  // At most a few milliseconds. Calibrates the TSC against CLOCK_MONOTONIC when it is used.
  static Clock Detect();
  // CLOCK_MONOTONIC whatever the machine has: the same everywhere, for readers and tests.
  static Clock Monotonic();

  // CLOCK_MONOTONIC at the instant `units`, exact to some tens of ns when that was a moment ago: both clocks are
  // read now and the difference is taken off. With CLOCK_MONOTONIC as the source nothing is read.
  ClockAnchor AnchorAt(std::uint64_t units) const;

  std::uint64_t NowUnits() const {
#if defined(__x86_64__)
    if (source == ClockSource::kTsc) return __rdtsc() >> shift;
#endif
    return MonotonicUnits();  // not inline: every event asks, and hardly one comes here
  }
  double NsPerUnit() const {
    return 1e9 * static_cast<double>(std::uint64_t{1} << shift) / static_cast<double>(ticks_per_second);
  }

 private:
  std::uint64_t MonotonicUnits() const;
};

}  // namespace smiley::shm
