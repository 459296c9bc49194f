// Thread rule: each object belongs to one thread at a time.
//
// Reading stored events for clients: threads merged by time, from the beginning, from a position, or the last few.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/events/event.h"
#include "daemon/events/event_filter.h"
#include "daemon/events/event_lines.h"
#include "daemon/events/run_reader.h"
#include "daemon/find/position.h"
#include "daemon/protocol/request.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

// Threads of one run merged by (time_ns, process, thread, seq), each from its own seq on.
class MergedReader {
 public:
  struct From {
    std::uint32_t thread = 0;  // 0: all threads together, from their beginning
    std::uint64_t seq = 1;
    std::uint64_t show = 0;           // events that end before this seq are read, but not given
    std::int64_t due_ns = INT64_MIN;  // not opened before this time is reached
  };
  static Result<std::unique_ptr<MergedReader>> Open(Archive& archive, const std::string& run,
                                                    const std::vector<From>& threads);
  // Null at the present end. Valid until the next call.
  const Event* Next();
  // The decoder that made the event which Next gave last.
  const Decoder& decoder() const;
  Status status() const;  // damage met on the way; reading went on behind it

 private:
  struct Head {
    std::unique_ptr<RunReader> reader;
    Event event;
    std::uint64_t show = 0;
  };
  bool Later(std::size_t a, std::size_t b) const;
  Status Open(const From& from);
  bool Advance(Head* head);
  void Push(std::size_t head);
  Archive* archive_ = nullptr;
  std::string run_;
  std::vector<From> pending_;  // to be opened, the next one last
  Status bad_;                 // what could not be opened
  std::vector<std::unique_ptr<Head>> heads_;
  std::vector<std::size_t> heap_;  // indexes of heads that have an event; the earliest on top
  std::size_t current_ = SIZE_MAX;
};

struct ReplayOptions {
  std::string run;
  std::optional<shm::Expression> where;
  std::optional<std::uint32_t> thread;
  std::uint64_t from = 0;         // seq, with a thread only
  std::uint64_t to = UINT64_MAX;  // last seq, with a thread only
  std::uint64_t limit = UINT64_MAX;
  std::uint64_t last = 0;               // 0: from the front
  std::optional<std::uint64_t> run_up;  // events read before `from`; none: see query_replay.cc
  std::optional<std::uint64_t>
      skip;  // of all threads together: so many are passed over; here and in `limit` lost ones count
  std::optional<Position> after;  // ... or all up to this one
  bool count = false;             // behind `limit` matching events are counted still
  std::uint64_t frame = 0;  // only its events, and those but lines of the calls that it made; 0: all. Not with `last`
  bool text = false;
};
// Reads where, thread, from ("2:1017" or a seq beside a thread), to (a seq), skip, after ("2:1017"), run_up, limit,
// count, last, frame, source.
Result<ReplayOptions> ReadReplayOptions(const Request& request);

inline constexpr std::uint64_t kMaxLast = 100'000;

// Collects the lines of the last events that match.
class LastEvents {
 public:
  LastEvents(Archive& archive, ReplayOptions options);
  // In steps of Producer::kStepTime; false: more to do.
  Result<bool> Step();
  // After Step gave true.
  std::deque<std::string>& lines() { return lines_; }
  // Highest seq read of each thread.
  const std::unordered_map<std::uint32_t, std::uint64_t>& seen() const { return seen_; }

 private:
  Status OpenWindow();
  Archive& archive_;
  const ReplayOptions options_;
  EventWriter writer_;
  std::unique_ptr<EventFilter> filter_;
  std::unique_ptr<MergedReader> reader_;
  std::vector<ThreadInfo> threads_;
  std::uint64_t window_ = 0;                                    // events of each thread that are looked at
  bool whole_ = false;                                          // the window is the whole run
  std::int64_t certain_from_ns_ = 0;                            // nothing outside the window is later than this
  std::unordered_map<std::uint32_t, std::uint64_t> show_from_;  // first seq of the window for each thread
  std::deque<std::string> lines_;
  std::deque<std::int64_t> times_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::uint32_t, std::uint64_t> seen_;
};

}  // namespace smiley::daemon
