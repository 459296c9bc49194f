// Thread rule: belongs to the thread that works in the background.
//
// How much of the processor background work may take. While programs are recorded it stands back: a nice value does
// not do that where each session of the machine has its own share of the processors (sched_autogroup), and the daemon
// is in a session of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace smiley::daemon {

class BackgroundPace {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::uint64_t kFast = 100'000;  // events a second from which on a program counts as being recorded
  static constexpr int kRest = 9;                  // then it rests so many times as long as it worked
  static constexpr std::chrono::seconds kWanted{
      30};  // for so long after somebody asked for what it makes it does not rest
  static constexpr std::chrono::milliseconds kLongest{500};

  // `recorded`: events drained so far. `asked`: when somebody asked last. How long to rest after having worked from
  // `began` to `now`.
  Clock::duration Rest(std::uint64_t recorded, Clock::time_point asked, Clock::time_point began,
                       Clock::time_point now) {
    const double seconds = std::chrono::duration<double>(now - looked_).count();
    const bool recording = static_cast<double>(recorded - recorded_) > static_cast<double>(kFast) * seconds;
    looked_ = now;
    recorded_ = recorded;
    if (!recording || now < asked + kWanted) return {};
    return std::min<Clock::duration>(kRest * (now - began), kLongest);
  }

 private:
  Clock::time_point looked_{};
  std::uint64_t recorded_ = 0;
};

}  // namespace smiley::daemon
