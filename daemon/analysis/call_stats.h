// Thread rule: each object belongs to one thread at a time.
//
// Calls counted and timed function by function, as profilers do: a generator that goes on counts as a call of whoever
// resumes it; recursive calls are not primitive, and their time counts once.
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
  double own_squares = 0;  // of each call's own time as recorded; functions only
  CallCounts& operator+=(const CallCounts& other) {
    calls += other.calls;
    primitive += other.primitive;
    own += other.own;
    cumulative += other.cumulative;
    own_squares += other.own_squares;
    return *this;
  }
};

class StatsTable {
 public:
  static constexpr std::uint32_t kNobody = UINT32_MAX;
  struct Edge {
    std::uint32_t caller = kNobody, function = 0;  // numbers of the book
    CallCounts counts;
  };
  // By number in the book.
  const std::vector<CallCounts>& functions() const { return functions_; }
  // Who called whom, in order of first appearance.
  const std::vector<Edge>& edges() const { return edges_; }
  CallCounts& Function(std::uint32_t function);
  std::uint32_t EdgeOf(std::uint32_t caller, std::uint32_t function);
  CallCounts& EdgeAt(std::uint32_t edge) { return edges_[edge].counts; }

 private:
  std::vector<CallCounts> functions_;
  std::vector<std::uint32_t> last_edge_;  // of each function: the latest used
  std::vector<Edge> edges_;
  std::unordered_map<std::uint64_t, std::uint32_t> edge_numbers_;
};

// Counts the calls of one thread into a table that several share, one after the other.
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
  std::uint32_t& Level(std::vector<std::uint32_t>* levels, std::uint32_t number);
  StatsTable* const table_;
  std::vector<Open> stack_;
  std::vector<std::uint32_t> open_functions_, open_edges_;  // how often each is on the stack
  Spent clock_;
};

// What of a run is looked at.
struct CallScope {
  std::string run;
  std::optional<std::uint32_t> thread;
  std::uint32_t task = 0;     // 0 = all
  std::uint32_t process = 0;  // the task's
  TimeSpan span;
};

// Feeds one sink for each thread of a run, one thread after the other.
class CallJob {
 public:
  CallJob(Archive& archive, CallScope scope) : archive_(archive), scope_(std::move(scope)) {}
  virtual ~CallJob() = default;
  // kNotFound when the scope names what is not there.
  Status Open();
  // Works for about Producer::kStepTime; false when all threads have been read.
  Result<bool> Step();
  const FunctionBook& book() const { return book_; }
  std::uint64_t events() const { return events_; }
  std::uint64_t lost() const { return lost_; }
  const Spent& total() const { return total_; }
  const RecordingCost& cost() const { return cost_; }
  // The cost that another job of the run has estimated: it need not be done again.
  void TakeCost(const RecordingCost& cost) {
    cost_ = cost;
    estimated_ = true;
  }
  const std::vector<ThreadInfo>& threads() const { return threads_; }
  bool damaged() const { return damaged_; }
  std::size_t known() const { return known_; }  // threads that need not be read

 protected:
  virtual std::unique_ptr<CallSink> SinkFor(const ThreadInfo& thread) = 0;
  // Whether the thread was counted before, and need not be read: then `spent`, `events` and `lost` are its own.
  virtual Result<bool> LoadCounted(const ThreadInfo&, Spent*, std::uint64_t* /*events*/, std::uint64_t* /*lost*/) {
    return false;
  }
  // All calls of the thread went to its sink, which goes after this.
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
  enum class From { kChunks, kDerived };  // kDerived: threads that were counted before are taken from there
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
