// "tasks" with "counts": when each asyncio task ran, and how many events it has. Reads the words of the chunks in
// which several tasks run; decodes no values.
#include <chrono>
#include <unordered_map>
#include <vector>

#include "daemon/analysis/task_walk.h"
#include "daemon/find/position.h"
#include "daemon/query/objects.h"
#include "daemon/query/requests.h"

namespace smiley::daemon {
namespace {

struct Count {
  std::uint32_t thread = 0;  // the thread in which the task ran first; asyncio runs a task in one thread
  std::uint64_t events = 0, turns = 0, first_seq = 0, last_seq = 0;
  std::int64_t first_ns = 0, last_ns = 0;
};

class TaskCountsProducer : public Producer {
 public:
  TaskCountsProducer(Archive& archive, std::string run, std::vector<TaskInfo> tasks, std::vector<ThreadInfo> threads,
                     bool some)
      : archive_(archive),
        run_(std::move(run)),
        tasks_(std::move(tasks)),
        threads_(std::move(threads)),
        some_(some) {}

  Result<Next> Step(std::string* out) override {
    const auto until = std::chrono::steady_clock::now() + kStepTime;
    while (at_ < threads_.size()) {
      if (Status status = TakeChunk(); !status) return status;
      if (std::chrono::steady_clock::now() >= until) return Next::kMore;
    }
    while (sent_ < tasks_.size() && out->size() < kStepBytes) Append(out, tasks_[sent_++]);
    return sent_ < tasks_.size() ? Next::kMore : Next::kDone;
  }

  std::string EndMembers() const override {
    return "\"count\":" + std::to_string(count_) + ",\"chunks_read\":" + std::to_string(chunks_read_) +
           (damaged_ ? ",\"damaged\":true" : "");
  }

 private:
  // Counts the next chunk; at the end of a thread, continues with the next thread.
  Status TakeChunk() {
    if (!walk_) {
      walk_.emplace(archive_, run_, threads_[at_], INT64_MIN, INT64_MAX);
      running_ = 0;
    }
    auto more = walk_->Next();
    if (!more) return more.status();
    if (!*more) {
      walk_.reset();
      ++at_;
      return Status::Ok();
    }
    const Piece& piece = walk_->piece();
    if (!walk_->switches()) {
      if (running_ != 0 && piece.events + piece.lost > 0) Add(piece.events, piece.last_seq, piece.last_ns);
      return Status::Ok();
    }
    auto words = walk_->Read();
    if (!words) {
      if (words.status().code() != Code::kDamaged) return words.status();
      damaged_ = true;
      return Status::Ok();
    }
    ++chunks_read_;
    walker_.Start(**words);
    while (walker_.Next()) {
      if (walker_.kind == shm::Kind::kTask) {
        walk_->Take(walker_);
        if (walk_->task() != running_) BeginTurn(walk_->task());
      }
      if (running_ != 0)
        Add(walker_.kind == shm::Kind::kLost ? 0 : 1, walker_.seq + walker_.count - 1, walker_.TimeNs());
    }
    return Status::Ok();
  }
  void BeginTurn(std::uint32_t task) {
    running_ = task;
    if (task == 0) return;
    Count& count = counts_[task];
    ++count.turns;
    if (count.first_seq != 0) return;
    count.thread = threads_[at_].thread;
    count.first_seq = walker_.seq;
    count.first_ns = walker_.TimeNs();
  }
  void Add(std::uint64_t events, std::uint64_t seq, std::int64_t time_ns) {
    Count& count = counts_[running_];
    count.events += events;
    count.last_seq = seq;
    count.last_ns = time_ns;
  }

  void Append(std::string* out, const TaskInfo& task) {
    const auto found = counts_.find(task.task);
    if (found == counts_.end() && some_) return;
    ++count_;
    JsonObject o(out);
    o.Text("type", "task").Number("process", task.process).Number("task", task.task).Text("name", task.name);
    if (found == counts_.end()) {
      o.Null("thread")
          .Number("events", 0)
          .Number("turns", 0)
          .Null("first")
          .Null("first_ns")
          .Null("last")
          .Null("last_ns");
    } else {
      const Count& count = found->second;
      o.Number("thread", count.thread).Number("events", count.events).Number("turns", count.turns);
      o.Text("first", ToText({count.thread, count.first_seq})).Signed("first_ns", count.first_ns);
      o.Text("last", ToText({count.thread, count.last_seq})).Signed("last_ns", count.last_ns);
    }
    o.End();
    *out += '\n';
  }

  Archive& archive_;
  const std::string run_;
  const std::vector<TaskInfo> tasks_;
  const std::vector<ThreadInfo> threads_;
  const bool some_;  // omit tasks that ran in other threads, or never
  std::optional<TaskWalk> walk_;
  PieceWalker walker_;
  std::unordered_map<std::uint32_t, Count> counts_;  // by task
  std::uint32_t running_ = 0;                        // the task that runs; 0: none
  std::size_t at_ = 0, sent_ = 0, count_ = 0;
  std::uint64_t chunks_read_ = 0;
  bool damaged_ = false;
};

}  // namespace

Reply AnswerTaskCounts(Archive& archive, const std::string& run, std::optional<std::int64_t> thread) {
  auto tasks = archive.Tasks(run);
  if (!tasks) return Refuse(tasks.status());
  auto threads = archive.Threads(run);
  if (!threads) return Refuse(threads.status());
  if (thread) std::erase_if(*threads, [&](const ThreadInfo& info) { return info.thread != *thread; });
  Reply reply;
  reply.stream =
      std::make_unique<TaskCountsProducer>(archive, run, std::move(*tasks), std::move(*threads), thread.has_value());
  return reply;
}

}  // namespace smiley::daemon
