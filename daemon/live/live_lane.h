// Thread rule: the public functions may be called from any thread; the private ones belong to the lane's thread.
//
// One pass over the live feed for many watchers. Each piece is decoded at most once, and only when a watcher gets
// events of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "daemon/events/decoder.h"
#include "daemon/events/event.h"
#include "daemon/events/event_filter.h"
#include "daemon/events/event_lines.h"
#include "daemon/live/live_view.h"
#include "shm/base/mutex.h"

namespace smiley::daemon {

// The portions that wait for one watcher. Guarded by the mutex of its lane.
struct LiveView::Watcher::Queue {
  std::deque<LivePortionPtr> portions;
  std::size_t bytes = 0;
  std::vector<SkippedEvents> dropped;  // lost events; they came before the first portion
  std::uint64_t from = 0;              // arrival number of the first entry that the watcher gets
  bool armed = true;                   // the next portion calls `wake` and clears this; Take sets it
  std::function<void()> wake;          // may be empty
};

class LiveLane {
 public:
  using Queue = LiveView::Watcher::Queue;
  // `max_lag`: entries older than this are skipped while newer ones wait.
  LiveLane(Archive& archive, LiveFeed& feed, std::chrono::nanoseconds max_lag)
      : archive_(archive), feed_(feed), max_lag_(max_lag) {}
  ~LiveLane();

  // Adds a watcher, and returns its queue. The queue gets the entries that arrive in the feed from now on. `wake` is
  // called on the lane's thread when a portion arrives, once until the next Take; it must only post.
  std::shared_ptr<Queue> Join(const LiveWish& wish, std::function<void()> wake);
  // Removes the watcher of this queue. Its `wake` is not called afterwards.
  void Leave(const std::shared_ptr<Queue>& queue);
  // Takes portions from the queue, oldest first, until they have `max_bytes` or more. Never waits. Arms `wake`.
  std::vector<LivePortionPtr> Take(Queue& queue, std::size_t max_bytes);
  // Whether the lane has handled every entry that arrived in the feed before the call.
  bool CaughtUp() const;
  std::size_t watchers() const;

 private:
  using SteadyClock = std::chrono::steady_clock;
  // The watchers with the same wish.
  struct Channel {
    LiveWish wish;
    std::vector<std::shared_ptr<Queue>> queues;  // guarded by mutex_
    struct View {
      std::unique_ptr<EventFilter> filter;
      std::unordered_set<std::uint32_t> named;  // threads whose names the filter has
    };
    std::map<std::string, View> views;  // by run
    std::unique_ptr<LivePortion> growing;
    double tokens = 1;  // number of events that may be shown now
    SteadyClock::time_point refilled = SteadyClock::now();
    // For the piece that is being decoded: whether the channel gets events of it, and by which filter (null: all).
    bool takes = false;
    EventFilter* filter = nullptr;

    bool Wants(const std::string& run, std::uint32_t thread) const {
      return (wish.run.empty() || wish.run == run) && wish.thread.value_or(thread) == thread;
    }
    void Refill();
    bool IsSpent() const { return wish.max_rate > 0 && tokens < 1; }
  };
  using Channels = std::vector<std::shared_ptr<Channel>>;

  void Run();
  void Work(LiveFeed::Reader& reader);
  void TakeEntry(const LiveFeed::Entry& entry, const Channels& channels, bool newer);
  void TakeRun(const LiveFeed::Entry& entry, const Channels& channels);
  void TakePiece(const LiveFeed::Entry& entry, const Channels& channels, bool newer);
  EventFilter* FilterOf(Channel& channel, const Piece& piece);
  void Show(Channel& channel, const LiveFeed::Entry& entry, const Event& event, std::string* plain,
            std::string* texted);
  Decoder* DecoderOf(const Piece& piece);
  LivePortion& GrowingPortion(Channel& channel, std::uint64_t entry, const std::string& run);
  void Skip(Channel& channel, std::uint64_t entry, const SkippedEvents& skipped);
  void Flush(Channel& channel);
  void Deliver(Channel& channel, LivePortionPtr portion);
  bool SomebodyHasRoom() const SMILEY_REQUIRES_LOCK(mutex_);
  std::size_t CountQueues() const SMILEY_REQUIRES_LOCK(mutex_);

  Archive& archive_;
  LiveFeed& feed_;
  const std::chrono::nanoseconds max_lag_;

  mutable shm::Mutex mutex_;  // not held while the feed is called
  shm::Condition wake_;
  Channels channels_ SMILEY_GUARDED_BY(mutex_);
  std::vector<std::pair<std::shared_ptr<Channel>, std::uint64_t>> joined_
      SMILEY_GUARDED_BY(mutex_);                                        // a channel, and the first entry that it gets
  std::shared_ptr<LiveFeed::Reader> reader_ SMILEY_GUARDED_BY(mutex_);  // null while nobody watches
  std::uint64_t handled_ SMILEY_GUARDED_BY(mutex_) = 0;  // arrival number of the last entry that was delivered
  bool news_ SMILEY_GUARDED_BY(mutex_) = false;
  bool stopping_ SMILEY_GUARDED_BY(mutex_) = false;
  std::thread thread_ SMILEY_GUARDED_BY(mutex_);  // started by the first watcher

  // Used by the lane's thread only.
  struct RunState {
    std::map<std::uint32_t, std::unique_ptr<Decoder>> decoders;  // by process
    std::unique_ptr<EventWriter> plain, texted;
  };
  std::map<std::string, RunState> runs_;
  Event event_;
};

}  // namespace smiley::daemon
