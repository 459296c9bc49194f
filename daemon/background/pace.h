// Thread rule: belongs to the thread that works in the background.
//
// Limits the processor time of background work while programs are recorded. A nice value is not enough: with
// sched_autogroup each session has its own share of the processors, and the daemon is in a session of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace smiley::daemon {

class BackgroundPace {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::uint64_t kFast = 100'000;  // events a second from which on work has to rest
  static constexpr int kRest = 9;                  // times as long as it worked
  // For so long after a client asked for the result, the work does not rest.
  static constexpr std::chrono::seconds kWanted{30};
  static constexpr std::chrono::milliseconds kLongest{500};

  // How long to rest after work from `began` to `now`. `recorded`: events drained so far. `asked`: when a client last
  // asked for the result.
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
