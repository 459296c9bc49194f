#include "daemon/find/merged_start.h"

#include <algorithm>
#include <tuple>

#include "daemon/events/piece_walk.h"
#include "daemon/find/position_search.h"

namespace smiley::daemon {
namespace {

constexpr std::int64_t kFarthest =
    4'000'000'000'000'000'000;  // ns since 1970; the difference of two times fits into 64 bits

std::uint64_t All(const ThreadInfo& thread) { return thread.events + thread.lost; }

// Counts the events of one thread before a time, between bounds that each call narrows.
class ThreadCount {
 public:
  ThreadCount(Archive& archive, const std::string& run, ThreadInfo thread)
      : archive_(archive), run_(run), thread_(std::move(thread)) {
    known_.high = All(thread_) + 1;
  }

  const ThreadInfo& thread() const { return thread_; }

  struct Bounds {
    std::uint64_t least = 0, most = 0;
  };
  // The bounds on the number of events up to and including `time_ns`, by the index. Moves to the piece that decides.
  Result<Bounds> Look(std::int64_t time_ns) {
    at_ = known_;
    if (All(thread_) == 0 || time_ns < thread_.first_ns) return Bounds{};
    if (time_ns >= thread_.last_ns) return Bounds{All(thread_), All(thread_)};
    if (Status status = NarrowToBegun(archive_, run_, thread_.thread, time_ns, &at_); !status) return status;
    const PiecePtr& piece = at_.piece.piece;
    if (piece == nullptr) return Bounds{};
    if (piece->last_ns <= time_ns) return Bounds{piece->last_seq, piece->last_seq};
    return Bounds{piece->first_seq - 1, piece->last_seq};
  }
  // The exact number; reads the piece that Look moved to.
  Result<std::uint64_t> Count(std::int64_t time_ns) {
    auto bounds = Look(time_ns);
    if (!bounds) return bounds.status();
    if (bounds->least == bounds->most) return bounds->least;
    if (at_.piece.piece->first_seq != read_seq_) {
      if (Status status = Read(); !status) return status;
    }
    const auto later = std::upper_bound(times_.begin(), times_.end(), time_ns,
                                        [](std::int64_t time, const auto& event) { return time < event.first; });
    return later == times_.begin() ? bounds->least : std::min(std::prev(later)->second, bounds->most);
  }
  // Promises that all further times are later (or earlier) than the time of the last Look.
  void OnlyLater() {
    known_.piece = at_.piece;
    known_.low = at_.low;
  }
  void OnlyEarlier() { known_.high = at_.high; }

 private:
  Status Read() {
    const Piece& summary = *at_.piece.piece;
    read_seq_ = summary.first_seq;
    times_.clear();
    auto piece = archive_.ReadPiece(run_, at_.piece);
    if (!piece) {
      // Damaged: the events of the piece cannot be shown, so that the place among them does not matter.
      if (piece.status().code() != Code::kDamaged) return piece.status();
      times_.emplace_back(summary.first_ns, summary.last_seq);
      return Status::Ok();
    }
    PieceWalker walker;
    walker.Start(**piece);
    std::int64_t last_ns = INT64_MIN;
    while (walker.Next()) {
      last_ns = std::max(last_ns, walker.TimeNs());
      times_.emplace_back(last_ns, walker.seq + std::max<std::uint64_t>(walker.count, 1) - 1);
    }
    return Status::Ok();
  }

  Archive& archive_;
  const std::string& run_;
  const ThreadInfo thread_;
  BegunBetween known_;                                         // bounds for all further times
  BegunBetween at_;                                            // bounds for the latest time
  std::uint64_t read_seq_ = 0;                                 // first seq of the piece that times_ was read from
  std::vector<std::pair<std::int64_t, std::uint64_t>> times_;  // time, last seq
};

class Order {
 public:
  static Result<Order> Open(Archive& archive, const std::string& run) {
    auto threads = archive.Threads(run);
    if (!threads) return threads.status();
    std::sort(threads->begin(), threads->end(), [](const ThreadInfo& a, const ThreadInfo& b) {
      return std::tie(a.process, a.thread) < std::tie(b.process, b.thread);
    });
    Order order;
    for (ThreadInfo& thread : *threads) {
      if (All(thread) > 0) order.counts_.emplace_back(archive, run, std::move(thread));
    }
    return order;
  }
  std::vector<ThreadCount>& counts() { return counts_; }

  // The last time with at most `count` events up to it.
  Result<std::int64_t> TimeOf(std::uint64_t count) {
    std::int64_t low = kFarthest, high = -kFarthest;
    for (const ThreadCount& one : counts_) {
      low = std::min(low, std::max(one.thread().first_ns, -kFarthest) - 1);
      high = std::max(high, std::min(one.thread().last_ns, kFarthest));
    }
    while (low < high - 1) {
      const std::int64_t middle = low + (high - low) / 2;
      auto more = HasMore(middle, count);
      if (!more) return more.status();
      (*more ? high : low) = middle;
      for (ThreadCount& one : counts_) *more ? one.OnlyEarlier() : one.OnlyLater();
    }
    return low;
  }

 private:
  // Whether there are more than `count` events up to this time.
  Result<bool> HasMore(std::int64_t time_ns, std::uint64_t count) {
    std::uint64_t least = 0, most = 0;
    for (ThreadCount& one : counts_) {
      auto bounds = one.Look(time_ns);
      if (!bounds) return bounds.status();
      least += bounds->least;
      most += bounds->most;
    }
    if (least > count) return true;
    if (most <= count) return false;
    std::uint64_t exact = 0;
    for (ThreadCount& one : counts_) {
      auto number = one.Count(time_ns);
      if (!number) return number.status();
      exact += *number;
    }
    return exact > count;
  }

  std::vector<ThreadCount> counts_;
};

void Add(std::vector<ThreadStart>* starts, const ThreadInfo& thread, std::uint64_t before) {
  if (before < All(thread)) starts->push_back({thread, before + 1});
}

}  // namespace

Result<std::vector<ThreadStart>> StartsBehind(Archive& archive, const std::string& run, std::uint64_t count) {
  auto order = Order::Open(archive, run);
  if (!order) return order.status();
  std::vector<ThreadStart> starts;
  std::uint64_t all = 0;
  for (const ThreadCount& one : order->counts()) all += All(one.thread());
  if (count >= all) return starts;
  if (count == 0) {
    for (const ThreadCount& one : order->counts()) Add(&starts, one.thread(), 0);
    return starts;
  }
  const auto time = order->TimeOf(count);
  if (!time) return time.status();
  std::vector<std::uint64_t> before;
  for (ThreadCount& one : order->counts()) {
    auto number = one.Count(*time);
    if (!number) return number.status();
    before.push_back(std::min(*number, count));
    count -= before.back();
  }
  // The remaining events happened at the next nanosecond; they count thread by thread.
  for (std::size_t i = 0; i < before.size(); ++i) {
    ThreadCount& one = order->counts()[i];
    auto number = count == 0 ? Result<std::uint64_t>(before[i]) : one.Count(*time + 1);
    if (!number) return number.status();
    const std::uint64_t here = std::min(count, *number - std::min(*number, before[i]));
    count -= here;
    Add(&starts, one.thread(), before[i] + here);
  }
  return starts;
}

Result<std::vector<ThreadStart>> StartsBehind(Archive& archive, const std::string& run, const Position& event) {
  auto piece = ReadPieceOf(archive, run, event.thread, event.seq);
  if (!piece) return piece.status();
  std::int64_t time_ns = INT64_MIN;
  std::uint64_t last = 0;
  if (*piece != nullptr) {
    PieceWalker walker;
    walker.Start(**piece);
    while (last < event.seq && walker.Next()) {
      time_ns = std::max(time_ns, walker.TimeNs());
      last = walker.seq + std::max<std::uint64_t>(walker.count, 1) - 1;
    }
  }
  if (last < event.seq || event.seq == 0)
    return Status(Code::kNotFound, "there is no event " + ToText(event) + " in run " + run);
  auto order = Order::Open(archive, run);
  if (!order) return order.status();
  std::vector<ThreadStart> starts;
  bool behind = false;  // the thread sorts behind the event's thread at equal times
  for (ThreadCount& one : order->counts()) {
    if (one.thread().thread == event.thread) {
      behind = true;
      Add(&starts, one.thread(), last);
      continue;
    }
    auto number = one.Count(behind && time_ns != INT64_MIN ? time_ns - 1 : time_ns);
    if (!number) return number.status();
    Add(&starts, one.thread(), *number);
  }
  return starts;
}

}  // namespace smiley::daemon
