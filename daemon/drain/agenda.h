// Thread rule: belongs to the drainer's thread.
//
// What the drainer's next pass has to do, and how long the nap before it lasts.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace smiley::daemon {

// Adapts the nap between two passes to the ring that fills fastest. A consumer that looks too often costs the program
// more than it helps.
class NapLength {
 public:
  using Microseconds = std::chrono::microseconds;
  static constexpr Microseconds kShortest{1000};
  static constexpr Microseconds kFirst{5000};  // when a ring is new and nobody knows how fast it fills

  Microseconds length() const { return length_; }
  void ShortenTo(Microseconds length) { length_ = std::min(length_, length); }
  // Begins a pass: forgets the observations of the pass before.
  void BeginPass() {
    fullest_ = 0;
    any_data_ = false;
  }
  // Notes that a ring is filled to `part` (0 to 1).
  void ObserveFill(double part) { fullest_ = std::max(fullest_, part); }
  // Notes that the pass drained words.
  void ObserveData() { any_data_ = true; }
  // Sets the length of the next nap, after a pass that began at `now`. The nap lasts until the fullest ring is
  // expected to have filled by kFill. It lasts at most 1.5 times the nap before, and at most `longest`.
  void Adapt(std::chrono::steady_clock::time_point now, Microseconds longest) {
    const auto since = std::chrono::duration_cast<Microseconds>(now - std::exchange(passed_at_, now));
    length_ = length_ * 3 / 2;
    if (any_data_ && fullest_ > 0) {
      const double fill = static_cast<double>(since.count()) * kFill / fullest_;
      if (fill < static_cast<double>(length_.count())) length_ = Microseconds(static_cast<std::int64_t>(fill));
    }
    length_ = std::clamp(length_, kShortest, longest);
  }

 private:
  static constexpr double kFill = 0.125;  // part of a ring that may fill between two passes
  Microseconds length_ = kFirst;
  std::chrono::steady_clock::time_point passed_at_{};
  double fullest_ = 0;
  bool any_data_ = false;
};

struct Agenda {
  bool look_now = true;       // list the segments in the next pass, even if no directory has changed
  bool check_deaths = false;  // check in the next pass which processes have ended
  std::uint64_t looks = 0;    // passes so far that listed the segments because they had to
  NapLength nap;
};

}  // namespace smiley::daemon
