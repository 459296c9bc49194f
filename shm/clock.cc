#include "shm/clock.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace smiley::shm {
namespace {

constexpr int kTries = 5;  // readings of a pair; the pair with the shortest interval is used
constexpr std::uint64_t kCalibrationNs = 3'000'000;  // time between the two pairs of a calibration

#if defined(__x86_64__)
bool TscIsTrusted() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(0x80000007u, &a, &b, &c, &d) || !(d & (1u << 8))) return false;
  int mode = 0;
  if (prctl(PR_GET_TSC, &mode) == 0 && mode != PR_TSC_ENABLE) return false;
  // The kernel has checked that its clock source is in step on all processors. A virtual machine's clock is the same
  // counter, scaled, and a reading of it costs four times as much. The bit above says that the host keeps the counter
  // running.
  const int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char name[16] = {};
  const ssize_t got = read(fd, name, sizeof name - 1);
  close(fd);
  return got > 0 && (std::strncmp(name, "tsc\n", 4) == 0 || std::strncmp(name, "kvm-clock\n", 10) == 0);
}

struct Pair {
  std::uint64_t ticks;
  std::uint64_t mono_ns;
};

Pair ReadPair() {
  Pair best{};
  std::uint64_t best_width = ~std::uint64_t{0};
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t before = __rdtsc();
    const std::uint64_t mono = MonotonicNs();
    const std::uint64_t width = __rdtsc() - before;
    if (width >= best_width) continue;
    best_width = width;
    best = {before + width / 2, mono};
  }
  return best;
}

std::uint64_t MeasureTsc() {
  const Pair first = ReadPair();
  Pair last = first;
  while (last.mono_ns - first.mono_ns < kCalibrationNs) last = ReadPair();
  const double seconds = static_cast<double>(last.mono_ns - first.mono_ns) * 1e-9;
  return static_cast<std::uint64_t>(static_cast<double>(last.ticks - first.ticks) / seconds);
}
#endif

void Finish(Clock* clock) {
  clock->shift = 0;
  while (clock->NsPerUnit() < 4.0) ++clock->shift;
  clock->anchor_interval_units =
      static_cast<std::uint64_t>(static_cast<double>(kAnchorIntervalNs) / clock->NsPerUnit());
}

}  // namespace

std::uint64_t Clock::MonotonicUnits() const { return MonotonicNs() >> shift; }

Clock Clock::Detect() {
  Clock clock;
#if defined(__x86_64__)
  if (TscIsTrusted()) {
    clock.source = ClockSource::kTsc;
    clock.ticks_per_second = MeasureTsc();
  }
#endif
  Finish(&clock);
  return clock;
}

Clock Clock::Monotonic() {
  Clock clock;
  Finish(&clock);
  return clock;
}

ClockAnchor Clock::AnchorAt(std::uint64_t units) const {
#if defined(__x86_64__)
  if (source == ClockSource::kTsc) {
    const Pair pair = ReadPair();
    const double ticks_since = static_cast<double>(static_cast<std::int64_t>(pair.ticks - (units << shift)));
    const double ns_since = ticks_since * 1e9 / static_cast<double>(ticks_per_second);
    return {units, pair.mono_ns - static_cast<std::uint64_t>(static_cast<std::int64_t>(ns_since))};
  }
#endif
  return {units, units << shift};
}

}  // namespace smiley::shm
