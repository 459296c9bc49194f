// Thread rule: each object belongs to one thread at a time.
//
// Reads stored events for clients: the threads of a run merged by time, from the beginning, from a position, or the
// last ones.
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

// Reads threads of one run, merged by (time_ns, process, thread, seq). Each thread begins at a seq of its own.
class MergedReader {
 public:
  struct From {
    std::uint32_t thread = 0;         // 0: all threads together, from their beginning
    std::uint64_t seq = 1;            // first event to read
    std::uint64_t show = 0;           // events that end before this seq are read, but Next() does not return them
    std::int64_t due_ns = INT64_MIN;  // the thread is opened when the merge reaches this time (ns since 1970)
  };
  static Result<std::unique_ptr<MergedReader>> Open(Archive& archive, const std::string& run,
                                                    const std::vector<From>& threads);
  // The next event, valid until the next call. Null: no event is stored beyond the previous one.
  const Event* Next();
  // The decoder of the event that Next returned last. REQUIRES that there is one.
  const Decoder& decoder() const;
  // Damage that was found; reading continued after it.
  Status status() const;

 private:
  struct Head {
    std::unique_ptr<RunReader> reader;
    Event event;
    std::uint64_t show = 0;
  };
  bool IsLater(std::size_t a, std::size_t b) const;
  Status Open(const From& from);
  bool Advance(Head* head);
  void Push(std::size_t head);
  Archive* archive_ = nullptr;
  std::string run_;
  std::vector<From> pending_;  // threads to be opened, the next one last
  Status bad_;                 // the error of a thread that could not be opened
  std::vector<std::unique_ptr<Head>> heads_;
  std::vector<std::size_t> heap_;   // indexes of heads that have an event; the earliest event on top
  std::size_t current_ = SIZE_MAX;  // the head of the last event; SIZE_MAX: none
};

struct ReplayOptions {
  std::string run;
  std::optional<shm::Expression> where;
  std::optional<std::uint32_t> thread;
  std::uint64_t from = 0;               // first seq, with a thread only; 0: from the beginning
  std::uint64_t to = UINT64_MAX;        // last seq, with a thread only
  std::uint64_t limit = UINT64_MAX;     // number of events
  std::uint64_t last = 0;               // only the last so many events; 0: from the front
  std::optional<std::uint64_t> run_up;  // events read before `from`; nullopt: as many as replay.cc thinks necessary
  // Of all threads together: events to skip. Here, and in `limit` beside it, lost events count.
  std::optional<std::uint64_t> skip;
  std::optional<Position> after;  // of all threads together: skip the events up to this one
  bool count = false;             // count the matching events beyond `limit`
  // Only the events of this frame, and those of the frames that it called that are not lines; 0: all. Not with
  // `last`.
  std::uint64_t frame = 0;
  bool text = false;  // with the source line of each event
};
// Reads the fields of "replay" other than run: where, thread, from ("2:1017", or a seq beside a thread), to (a seq),
// skip, after ("2:1017"), run_up, limit, count, last, frame, source. kInvalid names the wrong field.
Result<ReplayOptions> ReadReplayOptions(const Request& request);

inline constexpr std::uint64_t kMaxLast = 100'000;

// Collects the JSON lines of the last events that match.
class LastEvents {
 public:
  LastEvents(Archive& archive, ReplayOptions options);
  // Works for about Producer::kStepTime. False: call again.
  Result<bool> Step();
  // The lines. REQUIRES that Step has returned true.
  std::deque<std::string>& lines() { return lines_; }
  // The highest seq that was read of each thread.
  const std::unordered_map<std::uint32_t, std::uint64_t>& seen() const { return seen_; }

 private:
  Status OpenWindow();
  Archive& archive_;
  const ReplayOptions options_;
  EventWriter writer_;
  std::unique_ptr<EventFilter> filter_;
  std::unique_ptr<MergedReader> reader_;
  std::vector<ThreadInfo> threads_;
  std::uint64_t window_ = 0;          // number of events read at the end of each thread
  bool whole_ = false;                // the window is the whole run
  std::int64_t certain_from_ns_ = 0;  // no event outside the window is later (ns since 1970)
  std::unordered_map<std::uint32_t, std::uint64_t> show_from_;  // first seq of the window, by thread
  std::deque<std::string> lines_;
  std::deque<std::int64_t> times_;  // of lines_, ns since 1970
  std::size_t bytes_ = 0;           // of lines_
  std::unordered_map<std::uint32_t, std::uint64_t> seen_;
};

}  // namespace smiley::daemon
