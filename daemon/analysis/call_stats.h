// Thread rule: each object belongs to one thread at a time.
//
// Counts and times calls by function, as profilers do. A generator that resumes counts as a call from the function
// that resumes it. A recursive call is not primitive, and its time counts once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/analysis/call_clock.h"

namespace smiley::daemon {

struct CallCounts {
  std::uint64_t calls = 0, primitive = 0;
  Spent own, cumulative;
  double own_squares = 0;  // sum of the squares of each call's own time in ns, as recorded; 0 in edges
  CallCounts& operator+=(const CallCounts& other) {
    calls += other.calls;
    primitive += other.primitive;
    own += other.own;
    cumulative += other.cumulative;
    own_squares += other.own_squares;
    return *this;
  }
};

// Counts and times of functions, and of pairs of caller and callee.
class StatsTable {
 public:
  static constexpr std::uint32_t kNobody = UINT32_MAX;  // the caller of an outermost call
  struct Edge {
    std::uint32_t caller = kNobody, function = 0;  // numbers in the FunctionBook
    CallCounts counts;
  };
  // By number in the FunctionBook.
  const std::vector<CallCounts>& functions() const { return functions_; }
  // Pairs of caller and callee, in order of first appearance.
  const std::vector<Edge>& edges() const { return edges_; }
  // The counts of a function, added when they are new.
  CallCounts& Function(std::uint32_t function);
  // The number of an edge in edges(), added when it is new.
  std::uint32_t EdgeOf(std::uint32_t caller, std::uint32_t function);
  CallCounts& EdgeAt(std::uint32_t edge) { return edges_[edge].counts; }

 private:
  std::vector<CallCounts> functions_;
  std::vector<std::uint32_t> last_edge_;  // the latest edge of each function
  std::vector<Edge> edges_;
  std::unordered_map<std::uint64_t, std::uint32_t> edge_numbers_;
};

// Counts the calls of one thread into a table. Several counters may use the table, one after the other.
class CallCounter : public CallSink {
 public:
  explicit CallCounter(StatsTable* table) : table_(table) {}
  void Enter(std::uint32_t function, std::int64_t time_ns, bool counted) override;
  void Leave(std::int64_t time_ns, bool gap) override;
  void Spend(const Spent& spent) override;

 private:
  struct Open {
    std::uint32_t function, edge;
    Spent at_entry;
    std::int64_t own_ns = 0;
  };
  std::uint32_t& LevelOf(std::vector<std::uint32_t>* levels, std::uint32_t number);
  StatsTable* const table_;
  std::vector<Open> stack_;
  std::vector<std::uint32_t> open_functions_, open_edges_;  // by number: how often it is on the stack
  Spent clock_;
};

// The part of a run to read.
struct CallScope {
  std::string run;
  std::optional<std::uint32_t> thread;
  std::uint32_t task = 0;     // 0 = all
  std::uint32_t process = 0;  // process of the task
  TimeSpan span;
};

// Feeds one sink for each thread of a run, one thread after the other.
class CallJob {
 public:
  CallJob(Archive& archive, CallScope scope) : archive_(archive), scope_(std::move(scope)) {}
  virtual ~CallJob() = default;
  // kNotFound: the run has no such thread or task.
  Status Open();
  // Works for about Producer::kStepTime. False: all threads were read.
  Result<bool> Step();
  const FunctionBook& book() const { return book_; }
  std::uint64_t events() const { return events_; }
  std::uint64_t lost() const { return lost_; }
  const Spent& total() const { return total_; }
  const RecordingCost& cost() const { return cost_; }
  // Uses the cost that another job of the run has estimated.
  void TakeCost(const RecordingCost& cost) {
    cost_ = cost;
    estimated_ = true;
  }
  const std::vector<ThreadInfo>& threads() const { return threads_; }
  bool damaged() const { return damaged_; }
  std::size_t known() const { return known_; }  // threads that were counted before and not read

 protected:
  virtual std::unique_ptr<CallSink> SinkFor(const ThreadInfo& thread) = 0;
  // Loads the counts of a thread that was counted before. False: the thread must be read.
  virtual Result<bool> LoadCounted(const ThreadInfo&, Spent*, std::uint64_t* /*events*/, std::uint64_t* /*lost*/) {
    return false;
  }
  // Called after the thread's last call, before its sink is destroyed.
  virtual void EndThread(const ThreadInfo&) {}
  FunctionBook book_;
  Archive& archive_;
  const CallScope scope_;

 private:
  Status Estimate();
  std::vector<ThreadInfo> threads_, all_threads_;
  std::size_t at_ = 0;
  bool estimated_ = false;
  RecordingCost cost_;
  std::unique_ptr<CallSink> sink_;
  std::unique_ptr<CallClock> clock_;
  std::uint64_t events_ = 0, lost_ = 0;
  Spent total_;
  bool damaged_ = false;
  std::size_t known_ = 0;
};

class StatsJob : public CallJob {
 public:
  enum class From { kChunks, kDerived };  // kDerived: threads that were counted before are loaded from derived data
  StatsJob(Archive& archive, CallScope scope, From from) : CallJob(archive, std::move(scope)), from_(from) {}
  const StatsTable& table() const { return table_; }

 protected:
  std::unique_ptr<CallSink> SinkFor(const ThreadInfo&) override { return std::make_unique<CallCounter>(&table_); }
  Result<bool> LoadCounted(const ThreadInfo& thread, Spent* spent, std::uint64_t* events,
                           std::uint64_t* lost) override;

 private:
  const From from_;
  StatsTable table_;
};

}  // namespace smiley::daemon
