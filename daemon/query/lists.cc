// The requests that list the parts of a run: "runs", "run", "processes", "threads", "tasks", "sources"; and
// "export".
#include <functional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "daemon/events/call_walk.h"
#include "daemon/exchange/export.h"
#include "daemon/query/objects.h"
#include "daemon/query/requests.h"

namespace smiley::daemon {
namespace {

// Sends a list that is in memory, one item per line.
template <typename Item>
class ListProducer : public Producer {
 public:
  ListProducer(std::vector<Item> items, std::function<void(std::string*, const Item&)> append)
      : items_(std::move(items)), append_(std::move(append)) {}
  Result<Next> Step(std::string* out) override {
    StepLimit limit;
    while (at_ < items_.size()) {
      append_(out, items_[at_]);
      *out += '\n';
      items_[at_] = Item();
      ++at_;
      if (limit.Reached(*out)) return Next::kMore;
    }
    return Next::kDone;
  }
  std::string EndMembers() const override { return "\"count\":" + std::to_string(items_.size()); }

 private:
  std::vector<Item> items_;
  std::function<void(std::string*, const Item&)> append_;
  std::size_t at_ = 0;
};

template <typename Item, typename Append>
Reply ListReply(std::vector<Item> items, Append append) {
  Reply reply;
  reply.stream = std::make_unique<ListProducer<Item>>(std::move(items), append);
  return reply;
}

// Sends the threads with the number of different lines that each ran. Reads all their events.
class ThreadLinesProducer : public Producer {
 public:
  ThreadLinesProducer(Archive& archive, std::string run, std::vector<ThreadInfo> threads)
      : archive_(archive), run_(std::move(run)), threads_(std::move(threads)) {}
  Result<Next> Step(std::string* out) override {
    StepLimit limit;
    while (at_ < threads_.size()) {
      if (walk_ == nullptr) {
        auto walk = ThreadWalk::Open(archive_, run_, threads_[at_]);
        if (!walk) return walk.status();
        walk_ = std::move(*walk);
      }
      while (const RawEvent* event = walk_->Next()) {
        // A line that several code objects of a file share counts once.
        if (event->kind == shm::Kind::kLine) {
          const std::uint32_t code = walk_->walker().Code(*event);
          if (pairs_.insert(std::uint64_t{code} << 32 | event->id).second) {
            const CodeRecord* info = walk_->names().FindCode(code);
            const std::size_t file = info == nullptr ? 0 : std::hash<std::string>()(info->file);
            lines_.insert(file * 0x9E3779B97F4A7C15u + event->id);
          }
        }
        if (limit.Reached(*out)) return Next::kMore;
      }
      AppendThread(out, threads_[at_], lines_.size());
      *out += '\n';
      lines_.clear();
      pairs_.clear();
      walk_.reset();
      ++at_;
    }
    return Next::kDone;
  }
  std::string EndMembers() const override { return "\"count\":" + std::to_string(threads_.size()); }

 private:
  Archive& archive_;
  const std::string run_;
  const std::vector<ThreadInfo> threads_;
  std::size_t at_ = 0;
  std::unique_ptr<ThreadWalk> walk_;
  std::unordered_set<std::uint64_t> pairs_, lines_;  // (code, line); (file, line)
};

// Looks up the run of the field "run".
Result<RunInfo> FindNamedRun(Archive& archive, const Request& request) {
  const auto selector = request.NeedText("run");
  if (!selector) return selector.status();
  return SelectRun(archive, *selector);
}

}  // namespace

Reply AnswerRuns(const Services& services, const Request& request) {
  const auto failed = request.Flag("failed", false);
  const auto limit = request.Integer("limit", 0, 1'000'000'000);
  if (!failed) return Refuse(failed.status());
  if (!limit) return Refuse(limit.status());
  std::vector<RunInfo> runs = services.archive.Runs();
  std::erase_if(runs, [&](const RunInfo& run) {
    if (run.state == RunState::kImporting) return true;
    return *failed && (run.state != RunState::kEnded || (run.exit_code.value_or(0) == 0 && !run.signal));
  });
  const auto most = static_cast<std::size_t>(limit->value_or(1'000'000'000));
  if (runs.size() > most) runs.resize(most);
  return ListReply(std::move(runs), AppendRun);
}

Reply AnswerRun(const Services& services, const Request& request) {
  const auto run = FindNamedRun(services.archive, request);
  if (!run) return Refuse(run.status());
  Reply reply;
  reply.members = "\"run\":";
  AppendRun(&reply.members, *run);
  return reply;
}

Reply AnswerProcesses(const Services& services, const Request& request) {
  const auto run = FindNamedRun(services.archive, request);
  if (!run) return Refuse(run.status());
  auto list = services.archive.Processes(run->id);
  return list ? ListReply(std::move(*list), AppendProcess) : Refuse(list.status());
}

Reply AnswerThreads(const Services& services, const Request& request) {
  const auto run = FindNamedRun(services.archive, request);
  const auto lines = request.Flag("lines", false);
  for (const Status& status : {run.status(), lines.status()}) {
    if (!status) return Refuse(status);
  }
  auto list = services.archive.Threads(run->id);
  if (!list) return Refuse(list.status());
  if (*lines) {
    Reply reply;
    reply.stream = std::make_unique<ThreadLinesProducer>(services.archive, run->id, std::move(*list));
    return reply;
  }
  return ListReply(std::move(*list),
                   [](std::string* out, const ThreadInfo& thread) { AppendThread(out, thread, std::nullopt); });
}

Reply AnswerTasks(const Services& services, const Request& request) {
  const auto run = FindNamedRun(services.archive, request);
  const auto counts = request.Flag("counts", false);
  const auto thread = request.Integer("thread", 1, UINT32_MAX);
  for (const Status& status : {run.status(), counts.status(), thread.status()}) {
    if (!status) return Refuse(status);
  }
  if (*counts || thread->has_value()) return AnswerTaskCounts(services.archive, run->id, *thread);
  auto list = services.archive.Tasks(run->id);
  return list ? ListReply(std::move(*list), AppendTask) : Refuse(list.status());
}

Reply AnswerSources(const Services& services, const Request& request) {
  const auto run = FindNamedRun(services.archive, request);
  const auto text = request.Flag("text", true);
  const auto number = request.Integer("source", 1, UINT32_MAX);
  for (const Status& status : {run.status(), text.status(), number.status()}) {
    if (!status) return Refuse(status);
  }
  auto list = services.archive.Sources(run->id);
  if (!list) return Refuse(list.status());
  if (number->has_value()) std::erase_if(*list, [&](const SourceInfo& source) { return source.source != **number; });
  const bool with_text = *text;
  return ListReply(std::move(*list),
                   [with_text](std::string* out, const SourceInfo& source) { AppendSource(out, source, with_text); });
}

Reply AnswerExport(const Services& services, const Request& request) {
  const auto run = FindNamedRun(services.archive, request);
  const auto format = request.Text("format");
  for (const Status& status : {run.status(), format.status()}) {
    if (!status) return Refuse(status);
  }
  auto producer = MakeExport(services.archive, run->id, format->value_or("smiley"));
  if (!producer) return Refuse(producer.status());
  Reply reply;
  reply.stream = std::move(*producer);
  reply.binary = true;
  return reply;
}

}  // namespace smiley::daemon
