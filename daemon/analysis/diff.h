// Thread rule: each object belongs to one thread at a time.
//
// Compares two runs by the work they did. A thread of each is read side by side while both do the same. Where they
// part, the steps of the innermost common frame are aligned. A step is a line, or a call with everything inside it.
// Pairs of calls that differ inside are compared afterwards. Memory is bounded: two windows of kWindow steps,
// kMaxJobs pairs of calls, kMaxGroups kinds of difference. Each event is read a bounded number of times.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/analysis/diff_reader.h"

namespace smiley::daemon {

// The kind of a difference, the most important first.
enum class DiffKind : std::uint8_t {
  kException,  // one run raises or handles an exception that the other does not
  kCalls,      // calls that only one run makes
  kThread,     // a thread that only one run has
  kFlow,       // other lines run
  kValue,      // the same place with other values
};
std::string_view DiffKindName(DiffKind kind);

struct DiffStackFrame {
  std::string function, file;
  std::uint32_t line = 0;
};
// The place of a difference in one run.
struct DiffSpot {
  bool there = false;  // false: this run has no such event
  std::uint32_t thread = 0;
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  std::string event;  // name of its kind; empty for a step that is a whole call
  std::string file, function, text, exception, message;
  std::uint32_t line = 0;
  std::vector<DiffStackFrame> stack;  // outermost first
};
struct DiffName {
  std::string name;  // "return value" and the like in parentheses
  ValuePtr a, b;     // null = absent or not known
};
struct Difference {
  DiffKind kind{};
  DiffSpot a, b;
  std::vector<DiffName> names;
  std::uint64_t count = 0;   // how often it was found
  std::uint64_t events = 0;  // events in the calls that only one run makes
  std::uint64_t order = 0;   // number in the order found; within a pair of threads the order of the program
  std::size_t pair = 0;      // number of the pair of threads
};

class DifferenceBook {
 public:
  static constexpr std::size_t kMaxGroups = 10'000;
  // Adds a difference. Differences of the same kind, places and names are one group, and counted. Returns the group's
  // count; null: there are too many groups.
  std::uint64_t* Add(Difference difference);
  void AddAgain(std::uint64_t* count) {
    ++total_;
    ++*count;
  }
  // Begins the differences of a pair of threads.
  void BeginPair(std::size_t pair) { pair_ = pair; }
  // The difference that came first in its run's time, then the others in order of importance.
  std::vector<const Difference*> Ordered() const;
  std::uint64_t total() const { return total_; }
  void SetStarts(std::int64_t a_ns, std::int64_t b_ns) {
    a_start_ns_ = a_ns;
    b_start_ns_ = b_ns;
  }

 private:
  std::map<std::string, Difference> groups_;
  std::uint64_t total_ = 0, orders_ = 0;
  std::size_t pair_ = 0;
  std::int64_t a_start_ns_ = 0, b_start_ns_ = 0;
};

struct DiffSide {
  Archive& archive;
  RunInfo run;
  std::uint32_t thread = 0;
  std::shared_ptr<SourceLines> lines;
};

// Compares one thread of each run.
class ThreadDiff {
 public:
  static constexpr std::size_t kWindow = 10'000, kMaxJobs = 2'000;
  ThreadDiff(DiffSide a, DiffSide b, const DiffOptions& options, DifferenceBook* book);
  ~ThreadDiff();
  // Works for some thousand events. False: the comparison is done.
  Result<bool> Step();
  std::uint64_t events() const { return events_; }
  std::uint64_t lost() const { return lost_; }
  bool looked_into_all() const { return skipped_ == 0; }

 private:
  struct Token;
  struct Half;  // one of the two threads
  struct Job {
    std::uint64_t a = 0, b = 0;  // sequence numbers of the two calls; 0 = the whole threads
    std::vector<DiffStackFrame> a_stack, b_stack;
  };
  Status Begin(const Job& job);
  void EndJob();
  void ReadInStep();
  void BeginWindows();
  void Collect(Half* half);
  void AlignWindows();
  void CompareGap(std::size_t a, std::size_t a_end, std::size_t b, std::size_t b_end);
  void AddOneSided(const Token* a, const Token* b);
  void Compare(const Token& a, const Token& b);
  void LookInto(const Token& a, const Token& b);
  DiffSpot SpotOf(const Half& half, const DiffEvent& event) const;
  DiffSpot SpotOf(const Half& half, const Token& token) const;
  void AddValues(const DiffEvent& a, const DiffEvent& b);
  static std::vector<DiffStackFrame> StackOf(const Half& half, const std::vector<DiffFrame>& open);

  const DiffOptions options_;
  DifferenceBook* const book_;
  std::unique_ptr<Half> a_, b_;
  std::deque<Job> jobs_;
  bool running_ = false, parted_ = false, whole_ = true;
  std::unordered_map<std::uint64_t, std::uint64_t*> known_;  // counts of value differences that were reported before
  std::uint64_t events_ = 0, lost_ = 0, budget_ = 0, skipped_ = 0;
};

}  // namespace smiley::daemon
