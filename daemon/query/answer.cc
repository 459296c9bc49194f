#include "daemon/query/answer.h"

#include <unordered_set>
#include <utility>
#include <vector>

#include "daemon/background/forwarder.h"
#include "daemon/background/snapshot_maker.h"
#include "daemon/events/call_walk.h"
#include "daemon/exchange/export.h"
#include "daemon/query/diff.h"
#include "daemon/query/exceptions.h"
#include "daemon/query/objects.h"
#include "daemon/query/output.h"
#include "daemon/query/state.h"
#include "daemon/query/stats.h"
#include "daemon/query/timeline.h"

namespace smiley::daemon {
namespace {

constexpr int kProtocol = 0;

// A list that is in memory already, written as fast as the client takes it.
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

// Threads with the number of different lines that each ran: reads all their events.
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
        // Lines of one file that several code objects share (a function's, and its body's) count once.
        if (event->kind == shm::Kind::kLine) {
          const std::uint32_t code = walk_->walker().Code(*event);
          if (pairs_.insert(std::uint64_t{code} << 32 | event->id).second) {
            const CodeInfo* info = walk_->names().FindCode(code);
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

// The store's own check; runs as one step because it holds the store's snapshot.
class CheckProducer : public Producer {
 public:
  CheckProducer(Store& store, std::optional<std::string> run) : store_(store), run_(std::move(run)) {}
  Result<Next> Step(std::string* out) override {
    if (!checked_) {
      checked_ = true;
      sound_ = store_.Check(run_, &findings_).ok();
      if (!sound_ && findings_.empty()) findings_.push_back("the check could not be finished");
    }
    StepLimit limit;
    while (at_ < findings_.size()) {
      JsonObject o(out);
      o.Text("type", "finding").Text("text", findings_[at_++]);
      o.End();
      *out += '\n';
      if (limit.Reached(*out)) return Next::kMore;
    }
    return Next::kDone;
  }
  std::string EndMembers() const override {
    return "\"count\":" + std::to_string(findings_.size()) + ",\"sound\":" + (sound_ ? "true" : "false");
  }

 private:
  Store& store_;
  const std::optional<std::string> run_;
  std::vector<std::string> findings_;
  std::size_t at_ = 0;
  bool checked_ = false, sound_ = false;
};

Reply Hello(const Services& services, const Request& request) {
  const auto protocol = request.Integer("protocol", 0, 1'000'000);
  if (!protocol) return Refuse(protocol.status());
  if (protocol->value_or(kProtocol) != kProtocol) {
    return Refuse(Status(Code::kVersion, "this daemon speaks protocol " + std::to_string(kProtocol) +
                                             ", the client " + std::to_string(**protocol) +
                                             " (smiley-daemon restart after an update)"));
  }
  const DaemonStatus status = services.runs.Snapshot();
  std::string members;
  JsonObject o(&members);
  o.Number("protocol", kProtocol).Text("version", SMILEY_VERSION).Number("pid", status.pid);
  o.Text("home", services.home.dir.string()).Text("home_id", services.home.id);
  o.Text("store", services.store.dir().string());
  o.End();
  Reply reply;
  reply.members = members.substr(1, members.size() - 2);
  return reply;
}

Reply Runs(const Services& services, const Request& request) {
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

Reply Begin(const Services& services, const Request& request) {
  const auto run = request.NeedText("run");
  const auto command = request.Texts("command");
  const auto cwd = request.Text("cwd");
  const auto name = request.Text("name");
  const auto detail = request.Text("detail");
  const auto start_ns = request.Integer("start_ns", 0, INT64_MAX);
  const auto pid = request.Integer("launcher_pid", 1, 0x7fffffff);
  const auto forward = request.Text("forward");
  const auto token = request.Text("token");
  const auto launcher_start = request.Integer("launcher_start", 0, INT64_MAX);
  for (const Status& status :
       {run.status(), command.status(), cwd.status(), name.status(), detail.status(), start_ns.status(), pid.status(),
        launcher_start.status(), forward.status(), token.status()}) {
    if (!status) return Refuse(status);
  }
  BeginRun begin;
  begin.run = *run;
  begin.command = *command;
  begin.cwd = cwd->value_or("");
  begin.name = name->value_or("");
  begin.detail = detail->value_or("");
  begin.start_ns = start_ns->value_or(0);
  if (pid->has_value()) {
    shm::ProcessIdentity launcher;
    launcher.boot_id = shm::BootId();
    launcher.pid = static_cast<std::uint32_t>(**pid);
    const auto start = launcher_start->has_value() ? std::optional<std::uint64_t>(**launcher_start)
                                                   : shm::StartTimeOf(static_cast<pid_t>(launcher.pid));
    if (start) {
      launcher.start_time = *start;
      begin.launcher = launcher;
    }
  }
  const bool away = forward->has_value() && services.forwarder != nullptr;
  if (away) {  // before anything of the run is there, so that nothing of it can be missed
    if (Status added = services.forwarder->Add(begin.run, **forward, token->value_or("")); !added)
      return Refuse(added);
  }
  Reply reply;
  reply.status = services.runs.Begin(begin);
  if (away && !reply.status) services.forwarder->Forget(begin.run);
  return reply;
}

Reply Dump(const Services& services, const Request& request) {
  auto run = request.NeedText("run");
  if (!run) return Refuse(run.status());
  if (Status status = services.runs.Dump(*run); !status) return Refuse(std::move(status));
  return Reply();
}

Reply Delete(const Services& services, const Request& request) {
  auto selectors = request.Texts("runs");
  if (!selectors) return Refuse(selectors.status());
  if (auto one = request.Text("run"); one && one->has_value()) selectors->push_back(**one);
  if (selectors->empty()) return Refuse(Status(Code::kInvalid, "'runs' is missing"));
  std::vector<RunInfo> runs;
  std::unordered_set<std::string> seen;
  for (const std::string& selector : *selectors) {
    auto run = SelectRun(services.archive, selector);
    if (!run) return Refuse(run.status());
    if (run->state == RunState::kRunning) {
      return Refuse(Status(Code::kBusy, "run " + run->id + " is still going; nothing was deleted"));
    }
    if (run->pinned) {
      return Refuse(Status(Code::kBusy, "run " + run->id + " is pinned; nothing was deleted (smiley-pin --unpin " +
                                            run->id + " lets it go)"));
    }
    if (seen.insert(run->id).second) runs.push_back(std::move(*run));
  }
  std::size_t count = 0;
  for (const RunInfo& run : runs) {
    if (Status status = services.runs.Delete(run.id); !status) {
      return Refuse(Status(status.code(), status.message() + " (" + std::to_string(count) + " of " +
                                              std::to_string(runs.size()) + " runs were deleted)"));
    }
    ++count;
  }
  std::vector<std::string> ids;
  ids.reserve(runs.size());
  for (const RunInfo& run : runs) ids.push_back(run.id);
  std::string object;
  JsonObject o(&object);
  o.Number("count", count).Texts("deleted", ids);
  o.End();
  Reply reply;
  reply.members = object.substr(1, object.size() - 2);
  return reply;
}

Reply Pin(const Services& services, const Request& request) {
  const auto selector = request.NeedText("run");
  const auto pinned = request.Flag("pinned", true);
  if (!selector) return Refuse(selector.status());
  if (!pinned) return Refuse(pinned.status());
  auto run = SelectRun(services.archive, *selector);
  if (!run) return Refuse(run.status());
  if (Status status = services.store.SetPinned(run->id, *pinned); !status) return Refuse(std::move(status));
  run->pinned = *pinned;
  Reply reply;
  reply.members = "\"run\":";
  AppendRun(&reply.members, *run);
  return reply;
}

Reply Check(const Services& services, const Request& request) {
  const auto selector = request.Text("run");
  if (!selector) return Refuse(selector.status());
  std::optional<std::string> id;
  if (selector->has_value()) {
    auto run = SelectRun(services.archive, **selector);
    if (!run) return Refuse(run.status());
    id = run->id;
  }
  Reply reply;
  reply.stream = std::make_unique<CheckProducer>(services.store, std::move(id));
  return reply;
}

Reply Export(const Services& services, const RunInfo& run, const Request& request) {
  const auto format = request.Text("format");
  if (!format) return Refuse(format.status());
  auto producer = MakeExport(services.archive, run.id, format->value_or("smiley"));
  if (!producer) return Refuse(producer.status());
  Reply reply;
  reply.stream = std::move(*producer);
  reply.binary = true;
  return reply;
}

// Requests about one run.
Reply AboutRun(const Services& services, const Request& request) {
  const auto selector = request.NeedText("run");
  if (!selector) return Refuse(selector.status());
  auto run = SelectRun(services.archive, *selector);
  if (!run) return Refuse(run.status());
  Archive& archive = services.archive;
  if (request.op == "run") {
    Reply reply;
    reply.members = "\"run\":";
    AppendRun(&reply.members, *run);
    return reply;
  }
  if (request.op == "export") return Export(services, *run, request);
  if (request.op == "processes") {
    auto list = archive.Processes(run->id);
    return list ? ListReply(std::move(*list), AppendProcess) : Refuse(list.status());
  }
  if (request.op == "tasks") {
    const auto counts = request.Flag("counts", false);
    const auto thread = request.Integer("thread", 1, UINT32_MAX);
    if (!counts) return Refuse(counts.status());
    if (!thread) return Refuse(thread.status());
    if (*counts || thread->has_value()) return MakeTaskCounts(archive, run->id, *thread);
    auto list = archive.Tasks(run->id);
    return list ? ListReply(std::move(*list), AppendTask) : Refuse(list.status());
  }
  if (request.op == "threads") {
    const auto lines = request.Flag("lines", false);
    if (!lines) return Refuse(lines.status());
    auto list = archive.Threads(run->id);
    if (!list) return Refuse(list.status());
    if (*lines) {
      Reply reply;
      reply.stream = std::make_unique<ThreadLinesProducer>(archive, run->id, std::move(*list));
      return reply;
    }
    return ListReply(std::move(*list),
                     [](std::string* out, const ThreadInfo& thread) { AppendThread(out, thread, std::nullopt); });
  }
  const auto text = request.Flag("text", true);
  const auto number = request.Integer("source", 1, UINT32_MAX);
  if (!text) return Refuse(text.status());
  if (!number) return Refuse(number.status());
  auto list = archive.Sources(run->id);
  if (!list) return Refuse(list.status());
  if (number->has_value()) std::erase_if(*list, [&](const SourceInfo& source) { return source.source != **number; });
  const bool with_text = *text;
  return ListReply(std::move(*list),
                   [with_text](std::string* out, const SourceInfo& source) { AppendSource(out, source, with_text); });
}

}  // namespace

Reply AnswerRequest(const Services& services, const Request& request, std::function<void()> wake) {
  const std::string& op = request.op;
  if (op == "hello") return Hello(services, request);
  if (op == "status") {
    Reply reply;
    DaemonStatus status = services.runs.Snapshot();
    status.store = services.store.dir().string();
    status.quota_bytes = services.quota_bytes;
    status.listen = services.listen;
    if (services.forwarder != nullptr) status.forwarding = services.forwarder->Snapshot();
    status.watchers = static_cast<std::uint32_t>(services.live.watchers());
    reply.members = StatusMembers(status);
    return reply;
  }
  if (op == "runs") return Runs(services, request);
  if (op == "run" || op == "processes" || op == "threads" || op == "tasks" || op == "sources" || op == "export") {
    return AboutRun(services, request);
  }
  if (op == "replay") return MakeReplay(services, request);
  if (op == "timeline") return MakeTimeline(services, request);
  if (op == "hits") return MakeHits(services, request);
  if (op == "state") return MakeState(services, request);
  if (op == "step") return MakeStep(services, request);
  if (op == "when") return MakeWhen(services, request);
  if (op == "why") return MakeWhy(services, request);
  if (op == "tail") return MakeTail(services, request, std::move(wake));
  if (op == "stats") return MakeStats(services, request);
  if (op == "calls") return MakeCalls(services, request);
  if (op == "diff") return MakeDiff(services, request);
  if (op == "exceptions") return MakeExceptions(services, request);
  if (op == "output") return MakeOutput(services, request);
  if (op == "begin") return Begin(services, request);
  if (op == "forward") return MakeForward(services, request);
  if (op == "dump") return Dump(services, request);
  if (op == "delete") return Delete(services, request);
  if (op == "pin") return Pin(services, request);
  if (op == "check") return Check(services, request);
  if (op == "reindex") return MakeReindex(services, request);
  if (op == "stop") return Reply();
  std::string shown = op.substr(0, 40);
  return Refuse(Status(Code::kInvalid, "there is no request '" + shown + "' (another version of smiley?)"));
}

}  // namespace smiley::daemon
