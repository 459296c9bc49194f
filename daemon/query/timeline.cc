// "timeline": how many events happened when, one lane per thread or task. Long lanes are counted from the chunks'
// summaries, short ones, and those of tasks, from the chunks' words.
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
// Maximum number of chunks of a lane whose words are read: about a tenth of a second of a busy program.
constexpr std::size_t kExactChunks = 32;
constexpr std::size_t kIndexPortion = 4096;
constexpr std::int64_t kFarthest =
    4'000'000'000'000'000'000;  // ns since 1970: differences of two times fit into 64 bits

// The lanes of the request.
struct LaneOptions {
  std::string run;
  std::vector<ThreadInfo> threads;
  std::vector<std::uint32_t> tasks;     // of threads.front(); empty: lanes of threads
  std::int64_t from_ns = 0, to_ns = 0;  // ns since 1970
  std::size_t buckets = 0;              // per lane
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

// One lane per thread.
class ThreadLanesProducer : public LanesProducer {
 public:
  ThreadLanesProducer(Archive& archive, LaneOptions options) : archive_(archive), options_(std::move(options)) {}

  Result<Next> Step(std::string* out) override {
    if (count_ >= options_.threads.size()) return Next::kDone;
    const ThreadInfo& thread = options_.threads[count_++];
    TimelineLane lane(options_.from_ns, options_.to_ns, options_.buckets);
    std::vector<PieceEntry> near;  // the chunks of the lane, while they are few
    bool few = true;
    auto begin = FindLastBegun(archive_, options_.run, thread,
                               options_.from_ns == INT64_MIN ? INT64_MIN : options_.from_ns - 1);
    if (!begin) return begin.status();
    for (std::uint64_t from = begin->piece == nullptr ? 0 : begin->piece->first_seq;;) {
      auto entries = archive_.Index(options_.run, thread.thread, from, kIndexPortion);
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
      if (entries->size() < kIndexPortion || entries->back().piece->first_ns > options_.to_ns) break;
      const std::uint64_t next = entries->back().piece->last_seq + 1;
      if (next <= from) break;
      from = next;
    }
    for (const PieceEntry& entry : near) {
      auto piece = archive_.ReadPiece(options_.run, entry);
      if (!piece) {
        lane.Spread(*entry.piece);  // damaged: its summary can still be counted
        damaged_ = true;
        continue;
      }
      ++chunks_read_;
      walker_.Start(**piece);
      while (walker_.Next()) lane.Add(walker_);
    }
    lane.Append(out, thread, 0);
    return count_ < options_.threads.size() ? Next::kMore : Next::kDone;
  }

 private:
  Archive& archive_;
  const LaneOptions options_;
  PieceWalker walker_;
};

// One lane per requested task of a thread: one walk through the time for all of them.
class TaskLanesProducer : public LanesProducer {
 public:
  TaskLanesProducer(Archive& archive, const LaneOptions& options)
      : walk_(archive, options.run, options.threads.front(), options.from_ns, options.to_ns) {
    for (const std::uint32_t task : options.tasks)
      lanes_.try_emplace(task, options.from_ns, options.to_ns, options.buckets);
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
  std::size_t alone_ = 0;                        // chunks that were read although a single task runs in them
  PieceWalker walker_;
};

// Removes the threads whose numbers are not in `wanted`.
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
  LaneOptions lanes{run->id,
                    std::move(*threads),
                    {},
                    from->value_or(std::clamp(first, -kFarthest, kFarthest)),
                    to->value_or(std::clamp(last, -kFarthest, kFarthest)),
                    0};
  lanes.buckets = static_cast<std::size_t>(buckets->value_or(kUsualBuckets));
  if (lanes.threads.size() > kMostLanes) lanes.threads.resize(kMostLanes);
  if (from->has_value() && to->has_value() && lanes.from_ns > lanes.to_ns) {
    return Refuse(Status(Code::kInvalid, "'from_ns' is later than 'to_ns'"));
  }
  lanes.to_ns = std::max(lanes.to_ns, lanes.from_ns + 1);
  Reply reply;
  if (!tasks->has_value()) {
    reply.stream = std::make_unique<ThreadLanesProducer>(services.archive, std::move(lanes));
    return reply;
  }
  if (!thread->has_value()) return Refuse(Status(Code::kInvalid, "'tasks' needs 'thread': the thread of the tasks"));
  if (lanes.threads.empty()) {
    return Refuse(Status(Code::kNotFound, "run " + run->id + " has no thread " + std::to_string(**thread) +
                                              " (smiley-threads shows them)"));
  }
  for (const std::int64_t task : **tasks) lanes.tasks.push_back(static_cast<std::uint32_t>(task));
  reply.stream = std::make_unique<TaskLanesProducer>(services.archive, lanes);
  return reply;
}

}  // namespace smiley::daemon
