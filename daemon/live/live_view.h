// Thread rule: Watch and watchers() may be called from any thread; a Watcher belongs to one thread at a time.
//
// What happens now, decoded once for all who watch. Those who ask for the same share a channel: its events are chosen
// and written once, and each of them is handed the same bytes. People who watch (they asked for a rate) and programs
// that want everything are served by two lanes, each with a thread of its own, so that nobody who wants all of it
// makes the others late. A watcher that reads too slowly loses the oldest, counted; nobody waits for it.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/live/live_feed.h"
#include "daemon/run/archive.h"
#include "shm/expression/expression.h"

namespace smiley::daemon {

// What a watcher wants to see.
struct LiveWish {
  std::string run;  // empty: all of them
  std::optional<std::uint32_t> thread;
  std::optional<shm::Expression> where;
  bool text = false;    // events carry the text of their line
  double max_rate = 0;  // events a second; 0: all
  bool Same(const LiveWish& other) const;
};

// A part of what a channel shows, all of one run; shared, never changed.
struct LivePortion {
  enum class What { kEvents, kRunBegan, kRunEnded };
  struct Line {
    std::uint32_t thread = 0;
    std::uint32_t end = 0;  // in `lines`, behind the newline
    std::uint64_t seq = 0;
  };
  What what = What::kEvents;
  std::uint64_t entry = 0;  // arrival number in the feed of the first thing in it
  std::string run;
  std::shared_ptr<const RunInfo> info;  // kRunBegan, kRunEnded
  std::vector<SkippedEvents> skipped;   // not shown; they came before the lines
  std::string lines;                    // event objects
  std::vector<Line> marks;              // where each of them ends
};
using LivePortionPtr = std::shared_ptr<const LivePortion>;

class LiveLane;

class LiveView {
 public:
  class Watcher {
   public:
    Watcher(LiveLane& lane, const LiveWish& wish, std::function<void()> wake);
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    // What arrived, oldest first, about `max_bytes` of lines (at least one portion when there is any). Never waits.
    // Arms the wake callback again.
    std::vector<LivePortionPtr> Take(std::size_t max_bytes);
    // Whether all that had arrived in the feed before the call is here or was handed out.
    bool CaughtUp() const;

   private:
    friend class LiveLane;
    struct Queue;
    LiveLane& lane_;
    std::shared_ptr<Queue> queue_;
  };

  LiveView(Archive& archive, LiveFeed& feed);
  // REQUIRES that no Watcher is left.
  ~LiveView();
  // Sees what arrives from now on; for what came before, open the archive afterwards. `wake` is called from a lane's
  // thread when something arrived, once until the next Take: it must only post.
  std::unique_ptr<Watcher> Watch(const LiveWish& wish, std::function<void()> wake);
  std::size_t watchers() const;

 private:
  std::unique_ptr<LiveLane> people_, programs_;
};

}  // namespace smiley::daemon
