// The `chrome` format: Chrome's trace JSON, for Perfetto and chrome://tracing. Calls are complete events (X) with
// names such as "pay (/abs/app.py:31)"; exceptions and marks are instants. Times are recorded times since the run's
// start.
#include <fmt/format.h>

#include <algorithm>

#include "daemon/analysis/function_book.h"
#include "daemon/events/call_walk.h"
#include "daemon/exchange/export.h"
#include "daemon/value/value.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

using shm::Kind;

// Readers of this format accept only plain strings.
void AppendName(std::string* out, std::string_view name) {
  std::string json;
  AppendJsonString(&json, name);
  *out += json.starts_with("\"") ? json : "\"<no text>\"";
}

class ChromeProducer : public Producer {
 public:
  ChromeProducer(Archive& archive, RunInfo run) : archive_(archive), run_(std::move(run)) {}
  Status Open() {
    auto processes = archive_.Processes(run_.id);
    auto threads = archive_.Threads(run_.id);
    if (!processes || !threads) return processes ? threads.status() : processes.status();
    processes_ = std::move(*processes);
    threads_ = std::move(*threads);
    return Status::Ok();
  }

  Result<Next> Step(std::string* out) override {
    if (!begun_) {
      begun_ = true;
      *out += "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[";
      for (const ProcessInfo& process : processes_) {
        std::string name;
        for (const std::string& word : process.command) name += (name.empty() ? "" : " ") + word;
        Meta(out, "process_name", Pid(process.process), Pid(process.process), name);
      }
      for (const ThreadInfo& thread : threads_)
        Meta(out, "thread_name", Pid(thread.process), Tid(thread), thread.name);
    }
    StepLimit limit;
    while (at_ < threads_.size()) {
      const ThreadInfo& thread = threads_[at_];
      if (walk_ == nullptr) {
        auto walk = ThreadWalk::Open(archive_, run_.id, thread);
        if (!walk) return walk.status();
        walk_ = std::move(*walk);
        stack_.clear();
        head_ = ",\"pid\":" + std::to_string(Pid(thread.process)) + ",\"tid\":" + std::to_string(Tid(thread)) + "}";
      }
      while (const RawEvent* event = walk_->Next()) {
        Handle(out, *event);
        if (limit.Reached(*out)) return Next::kMore;
      }
      while (!stack_.empty()) Leave(out);
      walk_.reset();
      ++at_;
    }
    *out += "],\"otherData\":{\"exporter\":\"smiley\",\"run\":";
    AppendName(out, run_.id);
    *out += "}}\n";
    return Next::kDone;
  }

 private:
  struct Call {
    std::uint32_t function;
    std::int64_t time_ns;
  };
  std::uint32_t Pid(std::uint32_t process) const {
    const auto at = std::find_if(processes_.begin(), processes_.end(),
                                 [&](const ProcessInfo& info) { return info.process == process; });
    return at == processes_.end() || at->pid == 0 ? process : at->pid;
  }
  static std::uint64_t Tid(const ThreadInfo& thread) {
    return thread.native_id != 0 ? thread.native_id : thread.thread;
  }
  void Comma(std::string* out) {
    if (!first_) *out += ",\n";
    first_ = false;
  }
  void Meta(std::string* out, std::string_view what, std::uint64_t pid, std::uint64_t tid, const std::string& name) {
    Comma(out);
    *out += fmt::format(R"({{"ph":"M","name":"{}","pid":{},"tid":{},"args":{{"name":)", what, pid, tid);
    AppendName(out, name);
    *out += "}}";
  }
  // Appends microseconds with three decimals.
  static void AppendTime(std::string* out, std::int64_t ns) {
    fmt::format_to(std::back_inserter(*out), "{}{}.{:03}", ns < 0 ? "-" : "", std::abs(ns) / 1000,
                   std::abs(ns) % 1000);
  }
  void Leave(std::string* out) {
    const Call open = stack_.back();
    stack_.pop_back();
    Comma(out);
    *out += "{\"ph\":\"X\",\"cat\":\"call\",\"name\":";
    *out += Name(open.function);
    *out += ",\"ts\":";
    AppendTime(out, open.time_ns - run_.start_ns);
    *out += ",\"dur\":";
    AppendTime(out, std::max<std::int64_t>(0, now_ns_ - open.time_ns));
    *out += head_;
  }
  void Instant(std::string* out, std::string_view category, std::string_view name) {
    Comma(out);
    *out += "{\"ph\":\"i\",\"s\":\"t\",\"cat\":\"";
    *out += category;
    *out += "\",\"name\":";
    AppendName(out, name);
    *out += ",\"ts\":";
    AppendTime(out, now_ns_ - run_.start_ns);
    *out += head_;
  }
  const std::string& Name(std::uint32_t function) {
    while (names_.size() <= function) {
      const Function& known = book_.at(static_cast<std::uint32_t>(names_.size()));
      std::string name = known.name;
      if (!known.built_in()) name += " (" + known.file + ":" + std::to_string(known.line) + ")";
      AppendName(&names_.emplace_back(), name);
    }
    return names_[function];
  }
  void Handle(std::string* out, const RawEvent& event) {
    const CallWalker& walker = walk_->walker();
    now_ns_ = event.time_ns;
    const bool enters = EntersFrame(event.kind);
    const auto& frames = walker.stack();
    const std::size_t before = frames.size() - (enters && !frames.empty() ? 1 : 0);
    while (stack_.size() > std::min(walker.kept(), before)) Leave(out);
    for (std::size_t i = stack_.size(); i < frames.size(); ++i) {
      stack_.push_back({book_.NumberCode(walk_->names(), walk_->thread().process, frames[i].code), now_ns_});
    }
    switch (event.kind) {
      case Kind::kReturn:
      case Kind::kYield:
      case Kind::kUnwind:
        if (!stack_.empty()) Leave(out);
        break;
      case Kind::kThreadEnd:
        while (!stack_.empty()) Leave(out);
        break;
      case Kind::kRaise:
        if ((event.flags & shm::kFlagPropagated) == 0) AppendRaise(out, event);
        break;
      case Kind::kMark:
        if (const std::string* name = walk_->names().FindString(event.id)) Instant(out, "mark", *name);
        break;
      default:
        break;
    }
  }
  void AppendRaise(std::string* out, const RawEvent& event) {
    for (const Attachment& attachment : event.attachments) {
      if (attachment.kind != Kind::kException) continue;
      shm::CborReader reader(attachment.bytes);
      std::uint64_t count = 0;
      std::string_view type;
      if (reader.ReadArray(&count) && count > 0 && reader.ReadTextOrBytes(&type)) Instant(out, "raise", type);
    }
  }

  Archive& archive_;
  const RunInfo run_;
  std::vector<ProcessInfo> processes_;
  std::vector<ThreadInfo> threads_;
  std::size_t at_ = 0;
  std::unique_ptr<ThreadWalk> walk_;
  FunctionBook book_;
  std::vector<std::string> names_;  // by function number, as JSON strings
  std::vector<Call> stack_;
  std::string head_;
  std::int64_t now_ns_ = 0;
  bool begun_ = false, first_ = true;
};

}  // namespace

Result<std::unique_ptr<Producer>> MakeChromeExport(Archive& archive, const std::string& run) {
  auto info = archive.FindRun(run);
  if (!info) return info.status();
  auto producer = std::make_unique<ChromeProducer>(archive, std::move(*info));
  if (Status status = producer->Open(); !status) return status;
  return std::unique_ptr<Producer>(std::move(producer));
}

}  // namespace smiley::daemon
