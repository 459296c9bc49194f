// The formats of flame graphs: `collapsed` (one line for each chain of callers, with its time) and `speedscope` (the
// calls of each thread in order). Times are without the estimated cost of recording.
#include <algorithm>

#include "daemon/analysis/call_tree.h"
#include "daemon/exchange/export.h"
#include "daemon/value/value.h"

namespace smiley::daemon {
namespace {

// A name such as "pay (/abs/app.py:31)"; a built-in function has its name only.
std::string NameOf(const Function& function) {
  if (function.built_in()) return function.name;
  return function.name + " (" + function.file + ":" + std::to_string(function.line) + ")";
}

std::string ThreadName(const ThreadInfo& thread) {
  return thread.name.empty() ? "thread " + std::to_string(thread.thread) : thread.name;
}

// Replaces characters that a line of the collapsed format cannot hold.
std::string Plain(std::string name) {
  for (char& c : name) {
    if (c == ';') c = ':';
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return name;
}

class CollapsedProducer : public Producer {
 public:
  CollapsedProducer(Archive& archive, std::string run) : job_(archive, {std::move(run), {}, 0, 0, {}}, 0, true) {}
  Status Open() { return job_.Open(); }

  Result<Next> Step(std::string* out) override {
    if (!counted_) {
      auto more = job_.Step();
      if (!more) return more.status();
      if (*more) return Next::kMore;
      counted_ = true;
    }
    StepLimit limit;
    const auto& nodes = job_.tree().nodes();
    for (; at_ < nodes.size(); ++at_) {
      if (limit.Reached(*out)) return Next::kMore;
      const std::int64_t ns = nodes[at_].own.own_ns();
      if (ns == 0) continue;
      chain_.clear();
      for (std::uint32_t node = at_; node != CallTree::kRoot; node = nodes[node].parent) chain_.push_back(node);
      for (std::size_t i = chain_.size(); i-- > 0;) {
        *out += Plain(NameOf(job_.book().at(nodes[chain_[i]].function)));
        *out += i == 0 ? ' ' : ';';
      }
      *out += std::to_string(ns) + "\n";
    }
    return Next::kDone;
  }

 private:
  TreeJob job_;
  bool counted_ = false;
  std::uint32_t at_ = 1;
  std::vector<std::uint32_t> chain_;
};

// Writes the calls of one thread as an "evented" profile of speedscope. The clock stops for the cost of recording.
class EventedSink : public CallSink {
 public:
  explicit EventedSink(std::string* out) : out_(out) {}
  void Enter(std::uint32_t function, std::int64_t, bool) override {
    stack_.push_back(function);
    Add('O', function);
  }
  void Leave(std::int64_t, bool) override {
    Add('C', stack_.back());
    stack_.pop_back();
  }
  void Spend(const Spent& spent) override { clock_ += spent; }
  std::int64_t at() const { return clock_.own_ns(); }

 private:
  void Add(char type, std::uint32_t function) {
    // The estimate must not turn the clock back.
    last_ = std::max(last_, clock_.own_ns());
    if (!first_) *out_ += ',';
    first_ = false;
    *out_ += "{\"type\":\"";
    *out_ += type;
    *out_ += "\",\"frame\":" + std::to_string(function) + ",\"at\":" + std::to_string(last_) + "}";
  }
  std::string* const out_;
  std::vector<std::uint32_t> stack_;
  Spent clock_;
  std::int64_t last_ = 0;
  bool first_ = true;
};

class SpeedscopeProducer : public Producer, private CallJob {
 public:
  SpeedscopeProducer(Archive& archive, const RunInfo& run) : CallJob(archive, {run.id, {}, 0, 0, {}}), run_(run) {}
  Status Begin() { return CallJob::Open(); }

  Result<Next> Step(std::string* out) override {
    if (!begun_) {
      begun_ = true;
      std::string name;
      for (const std::string& word : run_.command) name += (name.empty() ? "" : " ") + word;
      made_ += R"({"$schema":"https://www.speedscope.app/file-format-schema.json","exporter":"smiley","name":)";
      AppendName(&made_, name.empty() ? run_.id : name);
      made_ += R"(,"activeProfileIndex":0,"profiles":[)";
    }
    if (!counted_) {
      auto more = CallJob::Step();
      if (!more) return more.status();
      out->append(made_);
      made_.clear();
      if (*more) return Next::kMore;
      counted_ = true;
      *out += R"(],"shared":{"frames":[)";
    }
    StepLimit limit;
    for (; at_ < book().size(); ++at_) {
      if (limit.Reached(*out)) return Next::kMore;
      const Function& function = book().at(at_);
      if (at_ > 0) *out += ',';
      *out += "{\"name\":";
      AppendName(out, function.name);
      if (!function.built_in()) {
        *out += ",\"file\":";
        AppendName(out, function.file);
        *out += ",\"line\":" + std::to_string(function.line);
      }
      *out += '}';
    }
    *out += "]}}\n";
    return Next::kDone;
  }

 private:
  // Readers of this format accept only plain strings; a name that is not UTF-8 gets a placeholder.
  static void AppendName(std::string* out, const std::string& name) {
    std::string json;
    AppendJsonString(&json, name);
    *out += json.starts_with("\"") ? json : "\"<no text>\"";
  }
  std::unique_ptr<CallSink> SinkFor(const ThreadInfo& thread) override {
    if (profiles_++ > 0) made_ += ',';
    made_ += R"({"type":"evented","name":)";
    AppendName(&made_, ThreadName(thread));
    made_ += R"(,"unit":"nanoseconds","startValue":0,"events":[)";
    auto sink = std::make_unique<EventedSink>(&made_);
    sink_ = sink.get();
    return sink;
  }
  void EndThread(const ThreadInfo&) override { made_ += "],\"endValue\":" + std::to_string(sink_->at()) + "}"; }

  const RunInfo run_;
  std::string made_;
  EventedSink* sink_ = nullptr;
  std::size_t profiles_ = 0;
  bool begun_ = false, counted_ = false;
  std::uint32_t at_ = 0;
};

}  // namespace

Result<std::unique_ptr<Producer>> MakeCollapsedExport(Archive& archive, const std::string& run) {
  auto producer = std::make_unique<CollapsedProducer>(archive, run);
  if (Status status = producer->Open(); !status) return status;
  return std::unique_ptr<Producer>(std::move(producer));
}

Result<std::unique_ptr<Producer>> MakeSpeedscopeExport(Archive& archive, const std::string& run) {
  auto info = archive.FindRun(run);
  if (!info) return info.status();
  auto producer = std::make_unique<SpeedscopeProducer>(archive, *info);
  if (Status status = producer->Begin(); !status) return status;
  return std::unique_ptr<Producer>(std::move(producer));
}

}  // namespace smiley::daemon
