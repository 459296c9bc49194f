// Thread rule: each object belongs to one thread at a time.
//
// Follows exceptions from the place where they were raised to the place where they ended. Events give an exception's
// type and message at each place that it passes. The stack identifies it: an exception continues in the
// caller of the frame that it left. It also continues from a handler that did not keep it: a finally, a with, an
// except that did not fit, or a bare raise.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "daemon/analysis/function_book.h"
#include "daemon/events/call_walk.h"

namespace smiley::daemon {

enum class Outcome : std::uint8_t {
  kUncaught,    // it left the outermost frame of its thread
  kCaught,      // a handler kept it
  kAbsorbed,    // built-in code, a loop or unrecorded code swallowed it; the program continued without a handler
  kUnfinished,  // the recording ended or lost events before it ended
};
std::string_view OutcomeName(Outcome outcome);

struct FlightPlace {
  std::uint32_t function = UINT32_MAX;  // number in the FunctionBook; UINT32_MAX = none
  std::uint32_t line = 0;
  friend auto operator<=>(const FlightPlace&, const FlightPlace&) = default;
};

struct Flight {
  std::string type, message;
  FlightPlace raised, ended;
  bool from_outside = false;  // unrecorded code raised it; `raised` is the first recorded place
  std::uint64_t seq = 0;      // of its first raise event
  std::int64_t time_ns = 0;
};

struct FlightGroup {
  std::string message;  // of the group's first exception
  std::uint64_t count = 0;
  struct Position {
    std::uint32_t thread = 0;
    std::uint64_t seq = 0;
    std::int64_t time_ns = 0;
  } first, last;
};
using FlightKey = std::tuple<std::string, FlightPlace, bool, Outcome, FlightPlace>;

class FlightBook {
 public:
  static constexpr std::size_t kMaxGroups = 100'000;  // beyond it new groups are only counted
  void Add(const Flight& flight, Outcome outcome, std::uint32_t thread);
  const std::map<FlightKey, FlightGroup>& groups() const { return groups_; }
  std::uint64_t left_out() const { return left_out_; }

 private:
  std::map<FlightKey, FlightGroup> groups_;
  std::uint64_t left_out_ = 0;
};

// Follows the exceptions of one thread.
class FlightTracker {
 public:
  static constexpr std::uint32_t kKinds =
      1u << static_cast<unsigned>(shm::Kind::kRaise) | 1u << static_cast<unsigned>(shm::Kind::kHandled) |
      1u << static_cast<unsigned>(shm::Kind::kUnwind) | 1u << static_cast<unsigned>(shm::Kind::kThreadEnd);
  // `first_thread`: whether it is the first thread of its process.
  FlightTracker(ThreadWalk* walk, bool first_thread, FunctionBook* functions, FlightBook* book)
      : walk_(walk), first_thread_(first_thread), functions_(functions), book_(book) {}
  ~FlightTracker();
  void Handle(const RawEvent& event);
  // Ends the exceptions that are still open, after the thread's last event.
  void End();
  // Whether no exception is open. Pieces without an event of kKinds may then be skipped.
  bool idle() const { return under_way_ == 0; }

 private:
  using FlightPtr = std::unique_ptr<Flight>;
  struct Frame {
    FlightPtr active;
    bool arrived = false;            // it left a callee, and has no event in this frame yet
    std::vector<FlightPtr> handled;  // in handlers of this frame, the latest last
  };
  void Finish(FlightPtr flight, Outcome outcome);
  void FinishFrame(Frame* frame, Outcome outcome);
  void TakeRaise(const RawEvent& event);
  void TakeHandled(const RawEvent& event);
  void TakeUnwind(const RawEvent& event);
  void SwallowActive();
  FlightPtr Begin(const RawEvent& event, std::string type, std::string message, bool from_outside);
  FlightPlace PlaceOf(const RawEvent& event);

  ThreadWalk* const walk_;
  const bool first_thread_;
  FunctionBook* const functions_;
  FlightBook* const book_;
  std::vector<Frame> frames_;
  FlightPtr left_;  // left the outermost frame; the next event decides its outcome
  std::size_t under_way_ = 0;
};

}  // namespace smiley::daemon
