// Reads Chrome's trace JSON, as VizTracer and others write it: one array of any length, sliced into its objects, each
// read with simdjson. A trace lists calls in the order of their ends. They are spooled, sorted, and stored as calls
// and returns. Flows, async events and samples are skipped and counted.
#define XXH_INLINE_ALL
#include <simdjson.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <unordered_map>

#include "daemon/exchange/chrome_slicer.h"
#include "daemon/exchange/chrome_spool.h"
#include "daemon/exchange/import_format.h"
#include "daemon/exchange/import_words.h"
#include "daemon/value/value.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

namespace ondemand = simdjson::ondemand;
using shm::Kind;

constexpr std::size_t kMaxNames = 4'000'000;
constexpr std::size_t kPeeked = 64 * 1024;  // the array must begin within this many bytes

Status Damaged(const std::string& what) { return ChromeSlicer::Damaged(what); }

// Converts microseconds with a fraction to nanoseconds, without rounding.
bool ToNs(std::string_view text, std::int64_t* ns) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc() || whole > INT64_MAX / 2000) return false;
  std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  std::int64_t sum = whole * 1000;
  if (rest.find_first_of("eE") != std::string_view::npos) {
    const double value = std::strtod(std::string(text).c_str(), nullptr) * 1000;
    if (!(value < 9e18)) return false;
    sum = static_cast<std::int64_t>(value);
  } else if (rest.starts_with('.')) {
    for (std::size_t i = 1, unit = 100; i < rest.size() && unit > 0; ++i, unit /= 10) {
      if (rest[i] < '0' || rest[i] > '9') return false;
      sum += (rest[i] - '0') * static_cast<std::int64_t>(unit);
    }
  } else if (!rest.empty()) {
    return false;
  }
  *ns = negative ? -sum : sum;
  return true;
}

struct TraceName {
  std::string function, file;
  std::uint32_t line = 0;
};
// Splits a name such as VizTracer's "pay (/abs/app.py:31)"; any other name is the function.
TraceName SplitName(const std::string& name) {
  TraceName split{name, "<trace>", 0};
  const std::size_t open = name.rfind(" (");
  if (!name.ends_with(')') || open == std::string::npos) return split;
  const std::size_t colon = name.rfind(':');
  if (colon == std::string::npos || colon < open) return split;
  std::uint32_t line = 0;
  const char* const end = name.data() + name.size() - 1;
  const auto read = std::from_chars(name.data() + colon + 1, end, line);
  if (read.ec != std::errc() || read.ptr != end) return split;
  split.function = name.substr(0, open);
  split.file = name.substr(open + 2, colon - open - 2);
  split.line = std::min<std::uint32_t>(line, shm::kMaxId);
  return split;
}

std::string CborOfText(std::string_view text) {
  std::string out;
  shm::CborWriter(&out).Text(text);
  return out;
}
// A value of the contract becomes that value, other JSON becomes a text.
std::string CborOfJson(std::string_view json) {
  if (auto cbor = CborFromJson(json)) return std::move(*cbor);
  return CborOfText(json);
}

class ChromeImport : public ImportFormat {
 public:
  ChromeImport(Archive& archive, Store& store, std::filesystem::path spool_folder)
      : archive_(archive), store_(store), spool_(std::move(spool_folder)), hash_(XXH3_createState()) {
    XXH3_64bits_reset(hash_.get());
  }

  Status Feed(std::string_view bytes) override {
    XXH3_64bits_update(hash_.get(), bytes.data(), bytes.size());
    return slicer_.Feed(
        bytes, [this](std::string* json) { return TakeEvent(json); },
        [this](const std::string& key, std::string* json) { return TakeMember(key, json); });
  }

  Result<RunInfo> Finish() override;
  bool already() const override { return already_; }

 private:
  struct Thread {
    std::uint32_t process = 0;
    std::string name;
    std::uint64_t native_id = 0;
  };
  struct Process {
    std::uint32_t pid = 0;
    std::string name;
    std::uint64_t frames = 0;
  };
  struct Open {
    std::int64_t end_ns = INT64_MAX;  // of a complete event; INT64_MAX = not known
    std::uint32_t name = 0;
    std::uint64_t frame = 0;
    std::string value;   // the value returned, CBOR; empty = not known
    bool begun = false;  // begun by a B event
  };
  struct HashCloser {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };

  Status TakeEvent(std::string* json);
  Status TakeMember(const std::string& key, std::string* json);
  Status TakeMeta(std::string_view name, std::string_view args, const std::string& pid, const std::string& tid);
  Result<std::uint32_t> ProcessOf(const std::string& pid);
  Result<std::uint32_t> ThreadOf(const std::string& pid, const std::string& tid);
  Result<std::uint32_t> NameOf(std::string_view name);
  Status StoreEvents(ImportSink* sink);
  JsonEvent EventOf(Kind kind, std::int64_t time_ns, std::uint32_t name) const;
  Status OpenCall(EventEncoder* encoder, const ChromeRecord& record);
  Status CloseCall(EventEncoder* encoder, std::int64_t time_ns);
  Status CloseUntil(EventEncoder* encoder, std::int64_t time_ns);
  Status Mark(EventEncoder* encoder, const ChromeRecord& record);

  Archive& archive_;
  Store& store_;
  ChromeSlicer slicer_;
  ChromeSpool spool_;
  std::unique_ptr<XXH3_state_t, HashCloser> hash_;
  ondemand::parser parser_;
  std::map<std::string, std::uint32_t> process_numbers_;
  std::map<std::pair<std::uint32_t, std::string>, std::uint32_t> thread_numbers_;
  std::vector<Process> processes_;
  std::vector<Thread> threads_;
  std::unordered_map<std::string, std::uint32_t> name_numbers_;
  std::vector<TraceName> names_;
  std::map<std::string, std::pair<std::uint32_t, std::string>> sources_;  // number and text by file
  std::uint64_t order_ = 0, passed_over_ = 0, unmatched_ = 0;
  std::int64_t base_ns_ = 0, first_ns_ = INT64_MAX, last_ns_ = INT64_MIN;
  bool already_ = false;
  // State of the current thread while events are stored.
  std::uint32_t thread_ = 0;
  std::uint64_t seq_ = 0;
  std::int64_t now_ns_ = INT64_MIN;
  std::vector<Open> stack_;
};

Result<std::uint32_t> ChromeImport::ProcessOf(const std::string& pid) {
  const auto [at, added] = process_numbers_.emplace(pid, static_cast<std::uint32_t>(processes_.size() + 1));
  if (added) {
    if (processes_.size() >= 100'000) return Damaged("too many processes");
    Process process;
    std::from_chars(pid.data(), pid.data() + pid.size(), process.pid);
    processes_.push_back(process);
  }
  return at->second;
}

Result<std::uint32_t> ChromeImport::ThreadOf(const std::string& pid, const std::string& tid) {
  auto process = ProcessOf(pid);
  if (!process) return process;
  const auto [at, added] =
      thread_numbers_.emplace(std::pair(*process, tid), static_cast<std::uint32_t>(threads_.size() + 1));
  if (added) {
    if (threads_.size() >= 1'000'000) return Damaged("too many threads");
    Thread thread;
    thread.process = *process;
    std::from_chars(tid.data(), tid.data() + tid.size(), thread.native_id);
    threads_.push_back(thread);
  }
  return at->second;
}

Result<std::uint32_t> ChromeImport::NameOf(std::string_view name) {
  const auto [at, added] = name_numbers_.emplace(std::string(name), static_cast<std::uint32_t>(names_.size()));
  if (added) {
    if (names_.size() >= kMaxNames) return Damaged("too many different names");
    names_.push_back(SplitName(at->first));
  }
  return at->second;
}

Status ChromeImport::TakeEvent(std::string* json) {
  json->reserve(json->size() + simdjson::SIMDJSON_PADDING);
  ondemand::document document;
  ondemand::object object;
  if (parser_.iterate(json->data(), json->size(), json->capacity()).get(document) != simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS) {
    return Damaged("event " + std::to_string(order_ + 1) + " is not a JSON object");
  }
  std::string name, phase, pid, tid, ts, dur, args;
  for (auto field : object) {
    std::string_view key, raw;
    ondemand::value value;
    ondemand::json_type type;
    if (field.error() != simdjson::SUCCESS || field.unescaped_key().get(key) != simdjson::SUCCESS) {
      return Damaged("event " + std::to_string(order_ + 1));
    }
    std::string* const target = key == "name"   ? &name
                                : key == "ph"   ? &phase
                                : key == "pid"  ? &pid
                                : key == "tid"  ? &tid
                                : key == "ts"   ? &ts
                                : key == "dur"  ? &dur
                                : key == "args" ? &args
                                                : nullptr;
    if (field.value().get(value) != simdjson::SUCCESS || value.type().get(type) != simdjson::SUCCESS) {
      return Damaged("event " + std::to_string(order_ + 1));
    }
    if (target == nullptr) continue;
    if (type == ondemand::json_type::string && target != &args) {
      std::string_view text;
      if (value.get_string().get(text) != simdjson::SUCCESS) return Damaged("event " + std::to_string(order_ + 1));
      *target = text;
    } else if (type == ondemand::json_type::object) {
      ondemand::object inner;
      if (value.get_object().get(inner) != simdjson::SUCCESS || inner.raw_json().get(raw) != simdjson::SUCCESS) {
        return Damaged("event " + std::to_string(order_ + 1));
      }
      *target = raw;
    } else if (type == ondemand::json_type::number) {
      *target = value.raw_json_token();
      while (!target->empty() && static_cast<unsigned char>(target->back()) <= ' ') target->pop_back();
    }
  }
  if (phase == "M") return TakeMeta(name, args, pid, tid);
  ChromeRecord record;
  record.kind = phase == "X"                   ? ChromeRecord::kComplete
                : phase == "B"                 ? ChromeRecord::kBegin
                : phase == "E"                 ? ChromeRecord::kEnd
                : phase == "i" || phase == "I" ? ChromeRecord::kInstant
                : phase == "C"                 ? ChromeRecord::kCounter
                                               : 0u;
  if (record.kind == 0) {
    ++passed_over_;
    return Status::Ok();
  }
  record.order = ++order_;
  if (!ToNs(ts, &record.time_ns) ||
      (record.kind == ChromeRecord::kComplete && !dur.empty() && !ToNs(dur, &record.duration_ns)) ||
      record.duration_ns < 0) {
    return Damaged("event " + std::to_string(order_) + " has no valid time");
  }
  auto thread = ThreadOf(pid, tid);
  if (!thread) return thread.status();
  auto number = NameOf(name);
  if (!number) return number.status();
  record.thread = *thread;
  record.name = *number;
  first_ns_ = std::min(first_ns_, record.time_ns);
  last_ns_ = std::max(last_ns_, record.time_ns + record.duration_ns);
  return spool_.Add(record, args == "{}" ? std::string_view() : std::string_view(args));
}

Status ChromeImport::TakeMeta(std::string_view name, std::string_view args, const std::string& pid,
                              const std::string& tid) {
  if (name != "process_name" && name != "thread_name") return Status::Ok();
  const simdjson::padded_string padded(args);
  ondemand::document document;
  std::string_view text;
  ondemand::parser parser;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
      document["name"].get_string().get(text) != simdjson::SUCCESS) {
    return Status::Ok();
  }
  if (name == "process_name") {
    auto process = ProcessOf(pid);
    if (!process) return process.status();
    processes_[*process - 1].name = text;
    return Status::Ok();
  }
  auto thread = ThreadOf(pid, tid);
  if (!thread) return thread.status();
  threads_[*thread - 1].name = text;
  return Status::Ok();
}

Status ChromeImport::TakeMember(const std::string& key, std::string* json) {
  json->reserve(json->size() + simdjson::SIMDJSON_PADDING);
  ondemand::document document;
  if (parser_.iterate(json->data(), json->size(), json->capacity()).get(document) != simdjson::SUCCESS)
    return Status::Ok();
  if (key == "viztracer_metadata") {
    std::int64_t base = 0;
    if (document["baseTimeNanoseconds"].get_int64().get(base) == simdjson::SUCCESS && base > 0) base_ns_ = base;
    return Status::Ok();
  }
  ondemand::object files;
  if (document["files"].get_object().get(files) != simdjson::SUCCESS) return Status::Ok();
  for (auto field : files) {
    std::string_view file, text;
    if (field.error() != simdjson::SUCCESS || field.unescaped_key().get(file) != simdjson::SUCCESS) break;
    const std::string name(file);
    ondemand::array both;
    if (field.value().get_array().get(both) != simdjson::SUCCESS) break;
    for (auto item : both) {
      if (item.get_string().get(text) == simdjson::SUCCESS) {
        sources_.emplace(name, std::pair(static_cast<std::uint32_t>(sources_.size() + 1), std::string(text)));
      }
      break;
    }
  }
  return Status::Ok();
}

JsonEvent ChromeImport::EventOf(Kind kind, std::int64_t time_ns, std::uint32_t name) const {
  JsonEvent event;
  event.thread = thread_;
  event.process = threads_[thread_ - 1].process;
  event.seq = seq_;
  event.time_ns = time_ns + base_ns_;
  event.kind = kind;
  event.has_code = true;
  event.file = names_[name].file;
  event.function = names_[name].function;
  event.line = names_[name].line;
  if (const auto source = sources_.find(event.file); source != sources_.end()) event.source = source->second.first;
  return event;
}

Status ChromeImport::OpenCall(EventEncoder* encoder, const ChromeRecord& record) {
  Open open;
  open.name = record.name;
  open.frame = ++processes_[threads_[thread_ - 1].process - 1].frames;
  open.begun = record.kind == ChromeRecord::kBegin;
  if (!open.begun) open.end_ns = record.time_ns + record.duration_ns;
  // A call that seems to last longer than its caller ends with the caller.
  if (!stack_.empty()) open.end_ns = std::min(open.end_ns, stack_.back().end_ns);
  ++seq_;
  JsonEvent event = EventOf(Kind::kCall, now_ns_, record.name);
  event.frame = open.frame;
  if (!stack_.empty()) event.parent = stack_.back().frame;
  event.has_depth = true;
  event.depth = static_cast<std::uint32_t>(stack_.size());
  auto text = spool_.Text(record);
  if (!text) return text.status();
  if (!text->empty()) {
    // VizTracer's arguments: the parameters of the function, and the value that it returned.
    const simdjson::padded_string padded(*text);
    ondemand::parser parser;
    ondemand::document document;
    ondemand::object given;
    if (parser.iterate(padded).get(document) == simdjson::SUCCESS &&
        document["func_args"].get_object().get(given) == simdjson::SUCCESS) {
      for (auto field : given) {
        std::string_view key, raw;
        if (field.error() != simdjson::SUCCESS || field.unescaped_key().get(key) != simdjson::SUCCESS) break;
        JsonEvent::Change change;
        change.name = key;
        if (field.value().get_string().get(raw) != simdjson::SUCCESS) break;
        change.cbor = CborOfText(raw);
        event.changed.push_back(std::move(change));
      }
    }
    std::string_view returned;
    if (parser.iterate(padded).get(document) == simdjson::SUCCESS &&
        document["return_value"].get_string().get(returned) == simdjson::SUCCESS) {
      open.value = CborOfText(returned);
    }
  }
  stack_.push_back(std::move(open));
  return encoder->Add(event);
}

Status ChromeImport::CloseCall(EventEncoder* encoder, std::int64_t time_ns) {
  const Open open = std::move(stack_.back());
  stack_.pop_back();
  now_ns_ = std::max(now_ns_, time_ns);
  ++seq_;
  JsonEvent event = EventOf(Kind::kReturn, now_ns_, open.name);
  event.frame = open.frame;
  if (!stack_.empty()) event.parent = stack_.back().frame;
  event.has_depth = true;
  event.depth = static_cast<std::uint32_t>(stack_.size());
  event.value = open.value;
  return encoder->Add(event);
}

// Closes the calls whose known end is at or before the time.
Status ChromeImport::CloseUntil(EventEncoder* encoder, std::int64_t time_ns) {
  while (!stack_.empty() && stack_.back().end_ns <= time_ns) {
    if (Status status = CloseCall(encoder, stack_.back().end_ns); !status) return status;
  }
  return Status::Ok();
}

// Stores an instant or a counter as a mark. The numbers of a counter are its changed variables.
Status ChromeImport::Mark(EventEncoder* encoder, const ChromeRecord& record) {
  ++seq_;
  JsonEvent event = EventOf(Kind::kMark, now_ns_, stack_.empty() ? record.name : stack_.back().name);
  const TraceName& name = names_[record.name];
  event.value_text = name.function;
  event.value_is_text = true;
  event.value = CborOfText(name.function);
  event.has_depth = !stack_.empty();
  if (stack_.empty()) {
    event.has_code = false;
    event.source = event.line = 0;
  } else {
    event.frame = stack_.back().frame;
    event.depth = static_cast<std::uint32_t>(stack_.size() - 1);
    if (stack_.size() > 1) event.parent = stack_[stack_.size() - 2].frame;
  }
  auto text = spool_.Text(record);
  if (!text) return text.status();
  const simdjson::padded_string padded(*text);
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object numbers;
  if (!text->empty() && parser.iterate(padded).get(document) == simdjson::SUCCESS &&
      document.get_object().get(numbers) == simdjson::SUCCESS) {
    for (auto field : numbers) {
      std::string_view key;
      ondemand::value value;
      ondemand::json_type type;
      if (field.error() != simdjson::SUCCESS || field.unescaped_key().get(key) != simdjson::SUCCESS) break;
      JsonEvent::Change change;
      change.name = key;
      if (field.value().get(value) != simdjson::SUCCESS || value.type().get(type) != simdjson::SUCCESS) break;
      if (type == ondemand::json_type::object || type == ondemand::json_type::array) continue;
      change.cbor = CborOfJson(value.raw_json_token());
      event.changed.push_back(std::move(change));
    }
  }
  return encoder->Add(event);
}

Status ChromeImport::StoreEvents(ImportSink* sink) {
  if (Status status = spool_.Sort(); !status) return status;
  EventEncoder encoder(sink);
  ChromeRecord record;
  const auto end_thread = [&]() -> Status {
    while (!stack_.empty()) {
      const std::int64_t end = stack_.back().end_ns;
      if (Status status = CloseCall(&encoder, end == INT64_MAX ? std::max(now_ns_, last_ns_) : end); !status)
        return status;
    }
    return Status::Ok();
  };
  for (;;) {
    auto more = spool_.Next(&record);
    if (!more) return more.status();
    if (!*more) break;
    if (record.thread != thread_) {
      if (Status status = end_thread(); !status) return status;
      thread_ = record.thread;
      seq_ = 0;
      now_ns_ = INT64_MIN;
    }
    if (Status status = CloseUntil(&encoder, record.time_ns); !status) return status;
    now_ns_ = std::max(now_ns_, record.time_ns);
    Status status;
    if (record.kind == ChromeRecord::kComplete || record.kind == ChromeRecord::kBegin) {
      status = OpenCall(&encoder, record);
    } else if (record.kind != ChromeRecord::kEnd) {
      status = Mark(&encoder, record);
    } else if (std::none_of(stack_.begin(), stack_.end(), [](const Open& open) { return open.begun; })) {
      ++unmatched_;
    } else {
      bool begun = false;
      while (status.ok() && !begun) {
        begun = stack_.back().begun;
        status = CloseCall(&encoder, record.time_ns);
      }
    }
    if (!status) return status;
  }
  if (Status status = end_thread(); !status) return status;
  return encoder.Finish();
}

Result<RunInfo> ChromeImport::Finish() {
  if (!slicer_.ended()) return Damaged("it ends too early (was it cut off?)");
  if (order_ == 0) return Status(Code::kForeign, "there is no call and no event in this trace");
  RunInfo run;
  // The id is computed from the contents: the same trace is the same run.
  run.id = "c";
  for (std::uint64_t digest = XXH3_64bits_digest(hash_.get()); run.id.size() < 9; digest /= 36) {
    run.id += "0123456789abcdefghijklmnopqrstuvwxyz"[digest % 36];
  }
  if (auto known = archive_.FindRun(run.id)) {
    already_ = true;
    return *known;
  }
  for (const Process& process : processes_) {
    if (!process.name.empty() && run.command.empty()) run.command = {process.name};
  }
  if (run.command.empty()) run.command = {"trace"};
  run.detail = "calls";
  run.name = "imported trace";
  run.start_ns = base_ns_ + first_ns_;
  run.end_ns = base_ns_ + last_ns_;
  const auto note = [&](std::uint64_t count, const std::string& what) {
    if (count > 0) run.notes.push_back(std::to_string(count) + " events of the trace " + what);
  };
  note(passed_over_, "are of a kind that is not a call, an instant or a counter, and were left out");
  ImportSink sink(archive_, store_);
  if (Status status = sink.Begin(run); !status) return status;
  for (std::uint32_t i = 0; i < processes_.size(); ++i) {
    ProcessInfo process;
    process.process = i + 1;
    process.pid = processes_[i].pid;
    process.command = {processes_[i].name.empty() ? run.command[0] : processes_[i].name};
    process.kind = i == 0 ? "first" : "fork";
    process.parent = i == 0 ? 0 : 1;
    process.start_ns = run.start_ns;
    process.end_ns = run.end_ns;
    if (Status status = sink.AddProcess(std::move(process)); !status) return status;
  }
  for (std::uint32_t i = 0; i < threads_.size(); ++i) {
    ThreadInfo thread;
    thread.process = threads_[i].process;
    thread.thread = i + 1;
    thread.native_id = threads_[i].native_id;
    thread.name = threads_[i].name;
    thread.ended = true;
    if (Status status = sink.AddThread(std::move(thread)); !status) return status;
  }
  for (auto& [file, source] : sources_) {
    SourceInfo info;
    info.source = source.first;
    info.file = file;
    info.text = source.second;
    if (Status status = sink.AddSource(std::move(info)); !status) return status;
  }
  if (Status status = StoreEvents(&sink); !status) return status;
  note(unmatched_, "end a call that has no beginning");
  run.complete = unmatched_ == 0;
  sink.SetEnd(run);
  return sink.Finish();
}

}  // namespace

std::optional<bool> PeekChrome(std::string_view head) {
  const auto first = head.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return std::nullopt;
  if (head[first] == '[') return true;
  if (head[first] != '{') return false;
  if (head.substr(0, kPeeked).find("\"traceEvents\"") != std::string_view::npos) return true;
  // A smiley export in JSON Lines begins with a line that is one object.
  const std::size_t end = head.find('\n');
  if (head.size() >= kPeeked || (end != std::string_view::npos && end > 0 && head[end - 1] == '}')) return false;
  return std::nullopt;
}

std::unique_ptr<ImportFormat> MakeChromeImport(Archive& archive, Store& store, std::filesystem::path spool_folder) {
  return std::make_unique<ChromeImport>(archive, store, std::move(spool_folder));
}

}  // namespace smiley::daemon
