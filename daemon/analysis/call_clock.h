// Thread rule: each object belongs to one thread at a time.
//
// Where a thread's time went: turns its events into calls that begin and end and time spent in between, with an
// estimate of what recording itself cost.
//
// An event's time is read when its hook begins. So the time to the next event holds the rest of that hook (reading
// and encoding values, writing the words), then what the program did. What the hook costs depends on what was
// recorded, that is, on the event's kind and its number of words. Of each such class the quickest tenth of the gaps
// is taken as the cost of recording one event of it: the program did next to nothing then. No gap is made shorter
// than nothing.
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

// Kind and size of an event, as far as its cost depends on them.
class CostClass {
 public:
  static constexpr std::size_t kKinds = 4, kSizes = 8, kCount = kKinds * kSizes;
  static std::size_t Of(const RawEvent& event);
};

class RecordingCost {
 public:
  // Looks at some tens of pieces, spread over the run's largest threads.
  static Result<RecordingCost> Estimate(Archive& archive, const std::string& run,
                                        const std::vector<ThreadInfo>& threads);
  double Of(std::size_t cost_class) const { return ns_[cost_class]; }
  std::uint64_t gaps() const { return gaps_; }  // looked at
  void Set(std::size_t cost_class, double ns) { ns_[cost_class] = ns; }

 private:
  std::array<double, CostClass::kCount> ns_{};
  std::uint64_t gaps_ = 0;
};

struct Spent {
  std::int64_t ns = 0;  // as recorded
  double cost_ns = 0;   // of it, what recording took
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
  // A function begins, or a generator goes on; not `counted`: it was found open after something was missing.
  virtual void Enter(std::uint32_t function, std::int64_t time_ns, bool counted) = 0;
  // The innermost one ends or yields. `gap`: it was open when something went missing, and is not there any more.
  virtual void Leave(std::int64_t time_ns, bool gap) = 0;
  // Time passed in the innermost one since the last Enter or Leave. REQUIRES one.
  virtual void Spend(const Spent& spent) = 0;
};

// A time that is looked at; all of it, as it is made.
struct TimeSpan {
  std::int64_t from_ns = INT64_MIN, to_ns = INT64_MAX;
  bool bounded() const { return from_ns != INT64_MIN || to_ns != INT64_MAX; }
  bool Has(std::int64_t time_ns) const { return time_ns >= from_ns && time_ns <= to_ns; }
  // How much of [from, to] lies within.
  std::int64_t Within(std::int64_t from, std::int64_t to) const {
    return std::max<std::int64_t>(0, std::min(to, to_ns) - std::max(from, from_ns));
  }
};

// Feeds a sink with the calls of one thread.
class CallClock {
 public:
  // `task`: only what happens while this task runs; 0 = all. `span`: only calls that begin and time that passes
  // within.
  CallClock(Archive& archive, std::string run, ThreadInfo thread, const RecordingCost& cost, FunctionBook* book,
            CallSink* sink, std::uint32_t task = 0, TimeSpan span = {});
  // Handles some thousand events; false at the present end, where all open calls are left.
  Result<bool> Step();
  std::uint64_t events() const { return events_; }
  std::uint64_t lost() const { return lost_; }
  const Spent& total() const { return total_; }
  Status status() const { return walk_ == nullptr ? Status() : walk_->status(); }

 private:
  struct Open {
    std::uint32_t function = 0;
    bool built_in = false;
    bool shown = false;  // the sink knows it
  };
  // The first event that matters to the span.
  Result<std::uint64_t> FirstSeq() const;
  void Handle(const RawEvent& event);
  std::uint32_t Running();  // the task's number in the run, 0 = none
  void Flush();
  void Push(std::uint32_t function, bool built_in, bool counted);
  void Pop(bool gap);
  void PopBuiltIns();
  void ResizeTo(std::size_t frames);  // recorded frames

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
  std::size_t frames_ = 0;  // recorded frames on it: the others are built in
  Spent since_, total_;
  std::int64_t now_ns_ = 0;
  std::uint32_t local_task_ = 0, running_task_ = 0;  // the walker's task, by its number in the process and in the run
  std::uint32_t running_ = 0;                        // the task since the event before
  double next_cost_ = 0;                             // of the event before
  bool begun_ = false;
  std::uint64_t events_ = 0, lost_ = 0;
};

}  // namespace smiley::daemon
