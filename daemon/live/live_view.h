// Thread rule: Watch and watchers() may be called from any thread; a Watcher belongs to one thread at a time.
//
// Live events, decoded once for all watchers. Watchers with the same wish share a channel: its events are filtered
// and written once, and all its watchers get the same bytes. There are two lanes, each with a thread of its own:
// one serves people, who ask for a rate, and one serves programs, which want every event. So programs do not delay
// people. A watcher that reads too slowly loses the oldest events; the loss is counted, and nobody waits for it.
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

// The events that a watcher wants.
struct LiveWish {
  std::string run;  // empty: all runs
  std::optional<std::uint32_t> thread;
  std::optional<shm::Expression> where;
  bool text = false;    // events carry the text of their source line
  double max_rate = 0;  // events a second; 0 = all
  bool Same(const LiveWish& other) const;
};

// A part of the stream of a channel, of one run. Shared and immutable.
struct LivePortion {
  enum class What { kEvents, kRunBegan, kRunEnded };
  struct Line {
    std::uint32_t thread = 0;
    std::uint32_t end = 0;  // offset in `lines` behind the newline
    std::uint64_t seq = 0;
  };
  What what = What::kEvents;
  std::uint64_t entry = 0;  // arrival number in the feed of the portion's first entry
  std::string run;
  std::shared_ptr<const RunInfo> info;  // kRunBegan, kRunEnded
  std::vector<SkippedEvents> skipped;   // events that are not shown; they came before the lines
  std::string lines;                    // event objects, each with a newline
  std::vector<Line> marks;              // one for each event object
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
    // Returns the portions that arrived, oldest first, with about `max_bytes` of lines, at least one portion when
    // there is any. Never waits. Arms the wake callback.
    std::vector<LivePortionPtr> Take(std::size_t max_bytes);
    // Whether every entry that arrived in the feed before the call is in this queue or was taken from it.
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
  // The watcher gets the events that arrive from now on; for earlier events open the archive afterwards. `wake` is
  // called on a lane's thread when a portion arrives, once until the next Take; it must only post.
  std::unique_ptr<Watcher> Watch(const LiveWish& wish, std::function<void()> wake);
  std::size_t watchers() const;

 private:
  std::unique_ptr<LiveLane> people_, programs_;
};

}  // namespace smiley::daemon
