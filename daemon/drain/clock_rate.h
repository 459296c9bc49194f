// Thread rule: belongs to one thread.
//
// Measures the rate of the processor's time-stamp counter, which traced programs stamp events with.
#pragma once

#include <cstdint>

#include "shm/format.h"

namespace smiley::daemon {

class ClockRate {
 public:
  ClockRate();  // the measurement begins here
  // Nanoseconds in a unit of the segment's event times. Measured, once the measurement has lasted 50 ms; before that,
  // as the segment's header says.
  double NsPerUnit(const shm::SegmentHeader& header) const;

 private:
  std::uint64_t tsc_from_ = 0, mono_from_ns_ = 0;
};

}  // namespace smiley::daemon
