// Thread rule: each object belongs to one thread at a time.
//
// Two runs compared by what they did. Both threads are read side by side while they do the same; where the flow
// parts, the steps of the innermost common frame (its lines, and its calls with all that happens in them as one step
// each) are aligned, and pairs of calls that differ inside are looked into afterwards. Memory is bounded: two windows
// of kWindow steps, kMaxJobs pairs to look into, kMaxGroups kinds of difference; events are read a bounded number of
// times.
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

// How a difference shows, most telling first.
enum class DiffKind : std::uint8_t {
  kException,  // one of them raises or handles, the other does not, or something else
  kCalls,      // calls that only one of them makes
  kThread,     // a thread that only one of them has
  kFlow,       // other lines run
  kValue,      // the same place, other values
};
std::string_view DiffKindName(DiffKind kind);

struct DiffStackFrame {
  std::string function, file;
  std::uint32_t line = 0;
};
// Where one of the runs stands.
struct DiffSpot {
  bool there = false;  // false: this run has nothing there
  std::uint32_t thread = 0;
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  std::string event;  // its kind; empty for a step that is a whole call
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
  std::uint64_t count = 0;   // so often
  std::uint64_t events = 0;  // events in the calls that one has and the other has not
  std::uint64_t order = 0;   // in which they were found: within a pair of threads that of the program
  std::size_t pair = 0;      // of threads
};

class DifferenceBook {
 public:
  static constexpr std::size_t kMaxGroups = 10'000;
  // Alike ones (same kind, same places, same names) are counted. Where its count is kept; null when there are too
  // many.
  std::uint64_t* Add(Difference difference);
  void AddAgain(std::uint64_t* count) {
    ++total_;
    ++*count;
  }
  // Differences that follow are of this pair of threads.
  void BeginPair(std::size_t pair) { pair_ = pair; }
  // The first one (of several threads', the earliest in their runs' time), then the others in order of importance.
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

// Compares one thread with one.
class ThreadDiff {
 public:
  static constexpr std::size_t kWindow = 10'000, kMaxJobs = 2'000;
  ThreadDiff(DiffSide a, DiffSide b, const DiffOptions& options, DifferenceBook* book);
  ~ThreadDiff();
  // Works for some thousand events; false when it is done.
  Result<bool> Step();
  std::uint64_t events() const { return events_; }
  std::uint64_t lost() const { return lost_; }
  bool looked_into_all() const { return skipped_ == 0; }

 private:
  struct Token;
  struct Half;  // one side of what is being read
  struct Job {
    std::uint64_t a = 0, b = 0;  // seqs of the two calls; 0 = the whole threads
    std::vector<DiffStackFrame> a_stack, b_stack;
  };
  Status Begin(const Job& job);
  void EndJob();
  void LockStep();
  void Part();
  void Collect(Half* half);
  void AlignWindows();
  void Gap(std::size_t a, std::size_t a_end, std::size_t b, std::size_t b_end);
  void Only(const Token* a, const Token* b);
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
  std::unordered_map<std::uint64_t, std::uint64_t*> known_;  // differences of values that were told before
  std::uint64_t events_ = 0, lost_ = 0, budget_ = 0, skipped_ = 0;
};

}  // namespace smiley::daemon
