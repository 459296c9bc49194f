// Thread rule: a Folder belongs to one thread.
//
// Loops told once: when the last events of a thread repeat the ones before them (same kinds, places and depths),
// further repetitions are counted, with the first and last value of each variable, instead of shown.
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
    std::uint32_t depth = 0;        // of the frame that has it
  };
  std::uint32_t process = 0, thread = 0, depth = 0;
  std::int64_t time_ns = 0;    // of the last event folded
  std::uint64_t times = 0;     // whole repetitions
  std::uint64_t events = 0;    // in them
  std::string file, function;  // of the outermost line
  std::uint32_t first_line = 0, last_line = 0;
  std::vector<Variable> variables;  // in the order in which they first changed
  bool going_on = false;            // interim: more may follow
};

class Folder {
 public:
  using ShowEvent = std::function<void(const EventView&)>;
  using ShowFold = std::function<void(const FoldSummary&)>;
  Folder(ShowEvent show_event, ShowFold show_fold)
      : show_event_(std::move(show_event)), show_fold_(std::move(show_fold)) {}

  // Shows the event at once, or keeps it as part of a repetition.
  void Add(EventView event);
  // Shows everything that is kept, of all threads, and begins anew (end of the run, a gap).
  void Flush();
  // Shows an interim summary for each thread that folded something since its last one.
  void Peek();
  bool folding() const { return folding_threads_ > 0; }

  static constexpr std::size_t kLongestLoop = 64;  // events of one repetition
  static constexpr std::size_t kMostVariables = 16;

 private:
  struct Thread {
    std::deque<std::uint64_t> history;   // signatures of what was shown, newest last
    std::vector<std::uint64_t> pattern;  // of the loop being folded; empty = none
    std::vector<EventView> once;         // the first repetition: one alone is not worth folding
    std::vector<EventView> partial;      // events of the unfinished repetition
    FoldSummary summary;
    bool fresh = false;  // summary changed since the last Peek
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
