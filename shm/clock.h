// Thread rule: Clock is immutable after Detect(); Now*() may be called from any thread.
//
// The clock of events, which is read once per event. It is the TSC where the kernel itself trusts it (invariant,
// clocksource "tsc"), CLOCK_MONOTONIC otherwise. A unit is 2^shift ticks; `shift` makes it 4 to 8 ns.
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

// One instant on the event clock and on CLOCK_MONOTONIC.
struct ClockAnchor {
  std::uint64_t units = 0;
  std::uint64_t mono_ns = 0;
};

struct Clock {
  ClockSource source = ClockSource::kMonotonic;
  std::uint32_t shift = 2;
  std::uint64_t ticks_per_second = 1'000'000'000;  // an estimate, from the kernel or a short calibration
  std::uint64_t anchor_interval_units = 0;         // kAnchorIntervalNs in units

  // Chooses the clock of this machine. Takes a few milliseconds at most, when it calibrates the TSC.
  static Clock Detect();
  // CLOCK_MONOTONIC on every machine, for readers and tests.
  static Clock Monotonic();

  // Returns CLOCK_MONOTONIC at the instant `units`, exact to some tens of ns for a recent instant. It reads both
  // clocks now and subtracts the time since `units`. With CLOCK_MONOTONIC as the source it reads no clock.
  ClockAnchor AnchorAt(std::uint64_t units) const;

  std::uint64_t NowUnits() const {
#if defined(__x86_64__)
    if (source == ClockSource::kTsc) return __rdtsc() >> shift;
#endif
    return MonotonicUnits();  // not inline, because few machines use it for events
  }
  double NsPerUnit() const {
    return 1e9 * static_cast<double>(std::uint64_t{1} << shift) / static_cast<double>(ticks_per_second);
  }

 private:
  std::uint64_t MonotonicUnits() const;
};

}  // namespace smiley::shm
