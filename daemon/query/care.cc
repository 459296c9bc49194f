// The requests about the daemon and its store: "hello", "status", "begin", "dump", "delete", "pin" and "check".
#include <unordered_set>
#include <utility>
#include <vector>

#include "daemon/background/forwarder.h"
#include "daemon/query/objects.h"
#include "daemon/query/requests.h"

namespace smiley::daemon {
namespace {

constexpr int kProtocol = 0;

// Sends the findings of the store's own check. The check is one step, because it holds a snapshot of the store.
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

}  // namespace

Reply AnswerHello(const Services& services, const Request& request) {
  const auto protocol = request.Integer("protocol", 0, 1'000'000);
  if (!protocol) return Refuse(protocol.status());
  if (protocol->value_or(kProtocol) != kProtocol) {
    return Refuse(Status(Code::kVersion, "this daemon speaks protocol " + std::to_string(kProtocol) +
                                             ", the client " + std::to_string(**protocol) +
                                             " (smiley-daemon restart after an update)"));
  }
  const DaemonStatus status = services.runs.ReadStatus();
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

Reply AnswerStatus(const Services& services, const Request&) {
  DaemonStatus status = services.runs.ReadStatus();
  status.store = services.store.dir().string();
  status.quota_bytes = services.quota_bytes;
  status.listen = services.listen;
  if (services.forwarder != nullptr) status.forwarding = services.forwarder->ReadStatus();
  status.watchers = static_cast<std::uint32_t>(services.live.watchers());
  Reply reply;
  reply.members = FormatStatusMembers(status);
  return reply;
}

Reply AnswerBegin(const Services& services, const Request& request) {
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
  if (away) {  // before the run exists, so that the forwarder misses no part of it
    if (Status added = services.forwarder->Add(begin.run, **forward, token->value_or("")); !added)
      return Refuse(added);
  }
  Reply reply;
  reply.status = services.runs.Begin(begin);
  if (away && !reply.status) services.forwarder->Forget(begin.run);
  return reply;
}

Reply AnswerDump(const Services& services, const Request& request) {
  auto run = request.NeedText("run");
  if (!run) return Refuse(run.status());
  if (Status status = services.runs.Dump(*run); !status) return Refuse(std::move(status));
  return Reply();
}

Reply AnswerDelete(const Services& services, const Request& request) {
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
      return Refuse(Status(
          Code::kBusy, "run " + run->id + " is still running; nothing was deleted (try again when it has ended)"));
    }
    if (run->pinned) {
      return Refuse(Status(Code::kBusy, "run " + run->id + " is pinned; nothing was deleted (smiley-pin --unpin " +
                                            run->id + " removes the pin)"));
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

Reply AnswerPin(const Services& services, const Request& request) {
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

Reply AnswerCheck(const Services& services, const Request& request) {
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

}  // namespace smiley::daemon
