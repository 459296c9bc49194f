// Thread rule: a Folder belongs to one thread.
//
// Folds loops. When the last events of a thread repeat the events before them (same kinds, lines and depths), further
// iterations are counted instead of shown. A summary has the first and last value of each variable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tools/link/event_view.h"

namespace smiley::tools {

struct FoldSummary {
  struct Variable {
    std::string name, first, last;  // values as JSON text
    std::uint32_t depth = 0;        // of the variable's frame
  };
  std::uint32_t process = 0, thread = 0, depth = 0;
  std::int64_t time_ns = 0;    // of the last folded event
  std::uint64_t times = 0;     // complete iterations
  std::uint64_t events = 0;    // number of events in these iterations
  std::string file, function;  // of the outermost frame in the loop
  std::uint32_t first_line = 0, last_line = 0;
  std::vector<Variable> variables;  // in order of their first change
  bool going_on = false;            // an interim summary; the loop may continue
};

class Folder {
 public:
  using ShowEvent = std::function<void(const EventView&)>;
  using ShowFold = std::function<void(const FoldSummary&)>;
  Folder(ShowEvent show_event, ShowFold show_fold)
      : show_event_(std::move(show_event)), show_fold_(std::move(show_fold)) {}

  // Shows the event at once, or counts it as part of an iteration.
  void Add(EventView event);
  // Shows the pending events and summaries of all threads and forgets every loop (end of the run, a gap).
  void Flush();
  // Shows an interim summary of each thread that folded events since its last summary.
  void Peek();
  bool folding() const { return folding_threads_ > 0; }

  static constexpr std::size_t kLongestLoop = 64;  // events of one iteration
  static constexpr std::size_t kMostVariables = 16;

 private:
  struct Thread {
    std::deque<std::uint64_t> history;   // signatures of the shown events, newest last
    std::vector<std::uint64_t> pattern;  // signatures of one iteration of the folded loop; empty = none
    std::vector<EventView> once;         // the first iteration; it is shown whole if no second one follows
    std::vector<EventView> partial;      // events of the unfinished iteration
    FoldSummary summary;
    bool fresh = false;  // the summary has changed since the last Peek
  };
  static std::uint64_t Signature(const EventView& event);
  void Show(Thread* thread, std::uint64_t signature, const EventView& event);
  void TryFold(Thread* thread);
  void Absorb(Thread* thread);
  static void Count(FoldSummary* summary, std::vector<EventView>* events);
  void Finish(Thread* thread);

  ShowEvent show_event_;
  ShowFold show_fold_;
  std::unordered_map<std::uint32_t, Thread> threads_;
  std::size_t folding_threads_ = 0;
};

}  // namespace smiley::tools
