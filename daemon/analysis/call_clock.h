// Thread rule: each object belongs to one thread at a time.
//
// Turns the events of a thread into calls that begin and end and the time between them, with an estimate of the cost
// of recording.
//
// An event's time is read when its hook begins. The time to the next event holds the rest of that hook (it reads and
// encodes values and writes the words) and then the program's work. The cost of the hook depends on the event's kind
// and its number of words. In the quickest tenth of the gaps of each such class the program did next to nothing.
// So these gaps give the cost of recording one event of the class. A gap minus its cost is at least 0.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/analysis/function_book.h"
#include "daemon/events/call_walk.h"
#include "daemon/run/archive.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// The class of an event by kind and size, on which its cost of recording depends.
class CostClass {
 public:
  static constexpr std::size_t kKinds = 4, kSizes = 8, kCount = kKinds * kSizes;
  static std::size_t Classify(const RawEvent& event);
};

class RecordingCost {
 public:
  // Reads some tens of pieces, spread over the run's largest threads.
  static Result<RecordingCost> Estimate(Archive& archive, const std::string& run,
                                        const std::vector<ThreadInfo>& threads);
  double NsOf(std::size_t cost_class) const { return ns_[cost_class]; }
  std::uint64_t gaps() const { return gaps_; }  // that the estimate is based on
  void Set(std::size_t cost_class, double ns) { ns_[cost_class] = ns; }

 private:
  std::array<double, CostClass::kCount> ns_{};
  std::uint64_t gaps_ = 0;
};

struct Spent {
  std::int64_t ns = 0;  // as recorded
  double cost_ns = 0;   // the estimated part of `ns` that recording took
  Spent& operator+=(const Spent& other) {
    ns += other.ns;
    cost_ns += other.cost_ns;
    return *this;
  }
  friend Spent operator-(const Spent& a, const Spent& b) { return {a.ns - b.ns, a.cost_ns - b.cost_ns}; }
  std::int64_t own_ns() const {
    return cost_ns >= static_cast<double>(ns) ? 0 : ns - static_cast<std::int64_t>(cost_ns);
  }
};

class CallSink {
 public:
  virtual ~CallSink() = default;
  // A function begins or a generator resumes. `counted` false: the function was found open after missing events.
  virtual void Enter(std::uint32_t function, std::int64_t time_ns, bool counted) = 0;
  // The innermost function ends or yields. `gap`: it ended somewhere in missing events.
  virtual void Leave(std::int64_t time_ns, bool gap) = 0;
  // Time passed in the innermost function since the last Enter or Leave. REQUIRES an open function.
  virtual void Spend(const Spent& spent) = 0;
};

// A span of wall clock time, both ends included. By default it is unbounded.
struct TimeSpan {
  std::int64_t from_ns = INT64_MIN, to_ns = INT64_MAX;
  bool bounded() const { return from_ns != INT64_MIN || to_ns != INT64_MAX; }
  bool Has(std::int64_t time_ns) const { return time_ns >= from_ns && time_ns <= to_ns; }
  // The nanoseconds of [from, to] that lie within the span.
  std::int64_t Within(std::int64_t from, std::int64_t to) const {
    return std::max<std::int64_t>(0, std::min(to, to_ns) - std::max(from, from_ns));
  }
};

// Feeds the calls of one thread to a sink.
class CallClock {
 public:
  // `task`: only calls and time while this task runs; 0 = all. `span`: only calls that begin and time that passes
  // within the span.
  CallClock(Archive& archive, std::string run, ThreadInfo thread, const RecordingCost& cost, FunctionBook* book,
            CallSink* sink, std::uint32_t task = 0, TimeSpan span = {});
  // Handles some thousand events. False: the present end, where all open calls are left.
  Result<bool> Step();
  std::uint64_t events() const { return events_; }
  std::uint64_t lost() const { return lost_; }
  const Spent& total() const { return total_; }
  Status status() const { return walk_ == nullptr ? Status() : walk_->status(); }

 private:
  struct Open {
    std::uint32_t function = 0;
    bool built_in = false;
    bool shown = false;  // the sink got its Enter
  };
  // The first event that the span needs.
  Result<std::uint64_t> FindFirstSeq() const;
  void Handle(const RawEvent& event);
  std::uint32_t FindRunningTask();  // number of the running task in the run, 0 = none
  void Flush();
  void Push(std::uint32_t function, bool built_in, bool counted);
  void Pop(bool gap);
  void PopBuiltIns();
  void ResizeTo(std::size_t frames);  // the number of recorded frames

  Archive& archive_;
  const std::string run_;
  const ThreadInfo thread_;
  const RecordingCost& cost_;
  FunctionBook* const book_;
  CallSink* const sink_;
  const std::uint32_t task_;
  const TimeSpan span_;
  std::unique_ptr<ThreadWalk> walk_;
  std::vector<Open> stack_;
  std::size_t frames_ = 0;  // recorded frames in stack_; the others are built in
  Spent since_, total_;
  std::int64_t now_ns_ = 0;
  std::uint32_t local_task_ = 0, running_task_ = 0;  // the walker's task: number in the process, number in the run
  std::uint32_t running_ = 0;                        // the task that runs since the event before
  double next_cost_ = 0;                             // cost of the event before, in nanoseconds
  bool begun_ = false;
  std::uint64_t events_ = 0, lost_ = 0;
};

}  // namespace smiley::daemon
