#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "daemon/analysis/task_walk.h"
#include "daemon/analysis/timeline_lane.h"
#include "daemon/find/position_search.h"
#include "daemon/query/requests.h"

namespace smiley::daemon {
namespace {

constexpr std::int64_t kMostBuckets = 2000, kUsualBuckets = 600;
constexpr std::size_t kMostLanes = 256;
// Chunks of a lane whose words are read: about a tenth of a second's worth of a busy program.
constexpr std::size_t kExactChunks = 32;
constexpr std::size_t kIndexPortion = 4096;
constexpr std::int64_t kFarthest = 4'000'000'000'000'000'000;  // ns since 1970; so that differences of two times fit

// What is asked for: these threads, or these tasks of the only one.
struct Asked {
  std::string run;
  std::vector<ThreadInfo> threads;
  std::vector<std::uint32_t> tasks;
  std::int64_t from_ns = 0, to_ns = 0;
  std::size_t buckets = 0;
};

class LanesProducer : public Producer {
 public:
  std::string EndMembers() const override {
    return "\"count\":" + std::to_string(count_) + ",\"chunks_read\":" + std::to_string(chunks_read_) +
           (damaged_ ? ",\"damaged\":true" : "");
  }

 protected:
  std::size_t count_ = 0;
  std::uint64_t chunks_read_ = 0;
  bool damaged_ = false;
};

// A lane a thread.
class ThreadLanesProducer : public LanesProducer {
 public:
  ThreadLanesProducer(Archive& archive, Asked asked) : archive_(archive), asked_(std::move(asked)) {}

  Result<Next> Step(std::string* out) override {
    if (count_ >= asked_.threads.size()) return Next::kDone;
    const ThreadInfo& thread = asked_.threads[count_++];
    TimelineLane lane(asked_.from_ns, asked_.to_ns, asked_.buckets);
    std::vector<PieceEntry> near;  // while they are few
    bool few = true;
    auto begin =
        FindLastBegun(archive_, asked_.run, thread, asked_.from_ns == INT64_MIN ? INT64_MIN : asked_.from_ns - 1);
    if (!begin) return begin.status();
    for (std::uint64_t from = begin->piece == nullptr ? 0 : begin->piece->first_seq;;) {
      auto entries = archive_.Index(asked_.run, thread.thread, from, kIndexPortion);
      if (!entries) return entries.status();
      for (const PieceEntry& entry : *entries) {
        if (entry.piece->last_seq != 0 && entry.piece->last_seq < from) continue;
        if (!lane.Touches(*entry.piece)) continue;
        if (few && near.size() == kExactChunks) {
          few = false;
          for (const PieceEntry& one : near) lane.Spread(*one.piece);
          near.clear();
        }
        if (few) {
          near.push_back(entry);
        } else {
          lane.Spread(*entry.piece);
        }
      }
      if (entries->size() < kIndexPortion || entries->back().piece->first_ns > asked_.to_ns) break;
      const std::uint64_t next = entries->back().piece->last_seq + 1;
      if (next <= from) break;
      from = next;
    }
    for (const PieceEntry& entry : near) {
      auto piece = archive_.ReadPiece(asked_.run, entry);
      if (!piece) {
        lane.Spread(*entry.piece);  // damaged: its summary still tells
        damaged_ = true;
        continue;
      }
      ++chunks_read_;
      walker_.Start(**piece);
      while (walker_.Next()) lane.Add(walker_);
    }
    lane.Append(out, thread, 0);
    return count_ < asked_.threads.size() ? Next::kMore : Next::kDone;
  }

 private:
  Archive& archive_;
  const Asked asked_;
  PieceWalker walker_;
};

// A lane for each of some tasks of one thread: one walk through the stretch for all of them.
class TaskLanesProducer : public LanesProducer {
 public:
  TaskLanesProducer(Archive& archive, const Asked& asked)
      : walk_(archive, asked.run, asked.threads.front(), asked.from_ns, asked.to_ns) {
    for (const std::uint32_t task : asked.tasks) lanes_.try_emplace(task, asked.from_ns, asked.to_ns, asked.buckets);
    count_ = lanes_.size();
  }

  Result<Next> Step(std::string* out) override {
    const auto until = std::chrono::steady_clock::now() + kStepTime;
    do {
      auto more = walk_.Next();
      if (!more) return more.status();
      if (!*more) {
        for (const auto& [task, lane] : lanes_) lane.Append(out, walk_.thread(), task);
        return Next::kDone;
      }
      if (Status status = TakeChunk(); !status) return status;
    } while (std::chrono::steady_clock::now() < until);
    return Next::kMore;
  }

 private:
  Status TakeChunk() {
    TimelineLane* lane = LaneOf(walk_.task());
    if (!walk_.switches() && lane == nullptr) return Status::Ok();
    if (!walk_.switches() && alone_ == kExactChunks) {
      lane->Spread(walk_.piece());
      return Status::Ok();
    }
    auto piece = walk_.Read();
    if (!piece) {
      if (piece.status().code() != Code::kDamaged) return piece.status();
      damaged_ = true;
      if (lane != nullptr) lane->Spread(walk_.piece());
      return Status::Ok();
    }
    ++chunks_read_;
    if (!walk_.switches()) ++alone_;
    walker_.Start(**piece);
    while (walker_.Next()) {
      if (walker_.kind == shm::Kind::kTask) {
        walk_.Take(walker_);
        lane = LaneOf(walk_.task());
      }
      if (lane != nullptr) lane->Add(walker_);
    }
    return Status::Ok();
  }
  TimelineLane* LaneOf(std::uint32_t task) {
    const auto found = lanes_.find(task);
    return found == lanes_.end() ? nullptr : &found->second;
  }

  TaskWalk walk_;
  std::map<std::uint32_t, TimelineLane> lanes_;  // by task
  std::size_t alone_ = 0;                        // chunks that were read though one task runs all through them
  PieceWalker walker_;
};

// Keeps the threads whose numbers are wanted.
void KeepThreads(const std::vector<std::int64_t>& wanted, std::vector<ThreadInfo>* threads) {
  std::erase_if(*threads, [&](const ThreadInfo& info) {
    return std::find(wanted.begin(), wanted.end(), static_cast<std::int64_t>(info.thread)) == wanted.end();
  });
}

}  // namespace

Reply AnswerTimeline(const Services& services, const Request& request) {
  const auto selector = request.NeedText("run");
  const auto from = request.Integer("from_ns", -kFarthest, kFarthest);
  const auto to = request.Integer("to_ns", -kFarthest, kFarthest);
  const auto thread = request.Integer("thread", 1, UINT32_MAX);
  const auto some = request.Integers("threads", 1, UINT32_MAX, kMostLanes);
  const auto tasks = request.Integers("tasks", 1, UINT32_MAX, kMostLanes);
  const auto buckets = request.Integer("buckets", 1, kMostBuckets);
  for (const Status& status : {selector.status(), from.status(), to.status(), thread.status(), some.status(),
                               tasks.status(), buckets.status()}) {
    if (!status) return Refuse(status);
  }
  auto run = SelectRun(services.archive, *selector);
  if (!run) return Refuse(run.status());
  auto threads = services.archive.Threads(run->id);
  if (!threads) return Refuse(threads.status());
  std::int64_t first = INT64_MAX, last = run->start_ns;
  for (const ThreadInfo& info : *threads) {
    if (info.events + info.lost == 0) continue;
    first = std::min(first, info.first_ns);
    last = std::max(last, info.last_ns);
  }
  if (first > last) first = run->start_ns;
  if (thread->has_value()) KeepThreads({**thread}, &*threads);
  if (some->has_value()) KeepThreads(**some, &*threads);
  Asked asked{run->id,
              std::move(*threads),
              {},
              from->value_or(std::clamp(first, -kFarthest, kFarthest)),
              to->value_or(std::clamp(last, -kFarthest, kFarthest)),
              0};
  asked.buckets = static_cast<std::size_t>(buckets->value_or(kUsualBuckets));
  if (asked.threads.size() > kMostLanes) asked.threads.resize(kMostLanes);
  if (from->has_value() && to->has_value() && asked.from_ns > asked.to_ns) {
    return Refuse(Status(Code::kInvalid, "'from_ns' lies behind 'to_ns'"));
  }
  asked.to_ns = std::max(asked.to_ns, asked.from_ns + 1);
  Reply reply;
  if (!tasks->has_value()) {
    reply.stream = std::make_unique<ThreadLanesProducer>(services.archive, std::move(asked));
    return reply;
  }
  if (!thread->has_value())
    return Refuse(Status(Code::kInvalid, "'tasks' are those of a 'thread', which is missing"));
  if (asked.threads.empty()) {
    return Refuse(Status(Code::kNotFound, "run " + run->id + " has no thread " + std::to_string(**thread) +
                                              " (smiley-threads shows them)"));
  }
  for (const std::int64_t task : **tasks) asked.tasks.push_back(static_cast<std::uint32_t>(task));
  reply.stream = std::make_unique<TaskLanesProducer>(services.archive, asked);
  return reply;
}

}  // namespace smiley::daemon
