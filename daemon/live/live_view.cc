#include "daemon/live/live_view.h"

#include <utility>

#include "daemon/live/live_lane.h"
#include "shm/base/requires.h"

namespace smiley::daemon {
namespace {

// Entries older than this are skipped while newer ones wait: people who watch see the present rather than every
// event.
constexpr std::chrono::milliseconds kPeopleLag{30}, kProgramsLag{1000};

}  // namespace

bool LiveWish::Same(const LiveWish& other) const {
  return run == other.run && thread == other.thread && text == other.text && max_rate == other.max_rate &&
         where.has_value() == other.where.has_value() && (!where || where->source() == other.where->source());
}

LiveView::Watcher::Watcher(LiveLane& lane, const LiveWish& wish, std::function<void()> wake)
    : lane_(lane), queue_(lane.Join(wish, std::move(wake))) {}
LiveView::Watcher::~Watcher() { lane_.Leave(queue_); }
std::vector<LivePortionPtr> LiveView::Watcher::Take(std::size_t max_bytes) { return lane_.Take(*queue_, max_bytes); }
bool LiveView::Watcher::CaughtUp() const { return lane_.CaughtUp(); }

LiveView::LiveView(Archive& archive, LiveFeed& feed)
    : people_(std::make_unique<LiveLane>(archive, feed, kPeopleLag)),
      programs_(std::make_unique<LiveLane>(archive, feed, kProgramsLag)) {}
LiveView::~LiveView() { SMILEY_REQUIRES(watchers() == 0); }

std::unique_ptr<LiveView::Watcher> LiveView::Watch(const LiveWish& wish, std::function<void()> wake) {
  // An expression needs decoded events, so that every piece is decoded.
  LiveLane& lane = wish.max_rate > 0 && !wish.where ? *people_ : *programs_;
  return std::make_unique<Watcher>(lane, wish, std::move(wake));
}

std::size_t LiveView::watchers() const { return people_->watchers() + programs_->watchers(); }

}  // namespace smiley::daemon
