#include "daemon/drain/clock_rate.h"

#include <algorithm>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "shm/clock.h"

namespace smiley::daemon {
namespace {

constexpr std::uint64_t kCalibrationNs = 50'000'000;

}  // namespace

ClockRate::ClockRate() {
#if defined(__x86_64__)
  tsc_from_ = __rdtsc();
#endif
  mono_from_ns_ = shm::MonotonicNs();
}

double ClockRate::NsPerUnit(const shm::SegmentHeader& header) const {
  const auto unit = static_cast<double>(std::uint64_t{1} << std::min<std::uint32_t>(header.unit_shift, 32));
  if (header.clock != shm::ClockSource::kTsc) return unit;
#if defined(__x86_64__)
  const std::uint64_t mono = shm::MonotonicNs(), tsc = __rdtsc();
  if (mono - mono_from_ns_ >= kCalibrationNs && tsc > tsc_from_) {
    return unit * static_cast<double>(mono - mono_from_ns_) / static_cast<double>(tsc - tsc_from_);
  }
#endif
  return unit * 1e9 / static_cast<double>(std::max<std::uint64_t>(header.ticks_per_second, 1));
}

}  // namespace smiley::daemon
