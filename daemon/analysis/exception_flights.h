// Thread rule: each object belongs to one thread at a time.
//
// Exceptions from where they were raised to where they ended. Events tell an exception's type and message at each
// place that it passes; which of them are the same exception is told by the stack: it goes on in the caller of the
// frame that it left, and from a handler that did not keep it (a finally, a with, an except that did not fit, a bare
// raise).
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
  kUncaught,    // left the outermost frame of its thread
  kCaught,      // a handler kept it
  kAbsorbed,    // built-in code, a loop or code that is not recorded took it: the program went on without a handler
  kUnfinished,  // the recording ended, or lost events, while it was under way
};
std::string_view OutcomeName(Outcome outcome);

struct FlightPlace {
  std::uint32_t function = UINT32_MAX;  // number in the book; UINT32_MAX = none
  std::uint32_t line = 0;
  friend auto operator<=>(const FlightPlace&, const FlightPlace&) = default;
};

struct Flight {
  std::string type, message;
  FlightPlace raised, ended;
  bool from_outside = false;  // it came out of code that is not recorded; `raised` is where it came in
  std::uint64_t seq = 0;      // of its first raise
  std::int64_t time_ns = 0;
};

struct FlightGroup {
  std::string message;  // of the first
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
  static constexpr std::size_t kMaxGroups = 100'000;  // beyond it, new ones are only counted
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
  // `first_thread`: of its process.
  FlightTracker(ThreadWalk* walk, bool first_thread, FunctionBook* functions, FlightBook* book)
      : walk_(walk), first_thread_(first_thread), functions_(functions), book_(book) {}
  ~FlightTracker();
  void Handle(const RawEvent& event);
  // The thread has no more events.
  void End();
  // Nothing is under way: what has no event of kKinds may be passed over.
  bool idle() const { return under_way_ == 0; }

 private:
  using FlightPtr = std::unique_ptr<Flight>;
  struct Frame {
    FlightPtr active;
    bool arrived = false;            // from a callee that it left, and not seen here yet
    std::vector<FlightPtr> handled;  // by handlers of this frame, latest last
  };
  void Finish(FlightPtr flight, Outcome outcome);
  void FinishFrame(Frame* frame, Outcome outcome);
  void Raise(const RawEvent& event);
  void Handled(const RawEvent& event);
  void Unwind(const RawEvent& event);
  void GoOn();
  FlightPtr Begin(const RawEvent& event, std::string type, std::string message, bool from_outside);
  FlightPlace Here(const RawEvent& event);

  ThreadWalk* const walk_;
  const bool first_thread_;
  FunctionBook* const functions_;
  FlightBook* const book_;
  std::vector<Frame> frames_;
  FlightPtr left_;  // left the outermost frame; what comes next tells
  std::size_t under_way_ = 0;
};

}  // namespace smiley::daemon
