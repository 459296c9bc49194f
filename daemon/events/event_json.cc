#include "daemon/events/event_json.h"

#include "daemon/value/text_codec.h"
#include "daemon/value/value.h"
#include "shm/kind_names.h"

namespace smiley::daemon {
namespace {

void Text(std::string* out, std::string_view key, std::string_view text) {
  out->append(key);
  AppendJsonString(out, text);
}
void Number(std::string* out, std::string_view key, std::uint64_t number) {
  out->append(key);
  AppendUnsigned(out, number);
}
void Signed(std::string* out, std::string_view key, std::int64_t number) {
  out->append(key);
  AppendInt(out, number);
}
void OrNull(std::string* out, std::string_view key, bool present, std::int64_t number) {
  out->append(key);
  if (present) {
    AppendInt(out, number);
  } else {
    out->append("null");
  }
}
// A process that is not Python (added by smiley-run --capture-fd) has no Python version.
void TextOrNull(std::string* out, std::string_view key, const std::string& text) {
  if (!text.empty()) return Text(out, key, text);
  out->append(key);
  out->append("null");
}
void Texts(std::string* out, std::string_view key, const std::vector<std::string>& texts) {
  out->append(key);
  out->push_back('[');
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(out, texts[i]);
  }
  out->push_back(']');
}

}  // namespace

void AppendRunLine(std::string* out, const RunInfo& run) {
  Text(out, R"({"type":"run","version":1,"id":)", run.id);
  Texts(out, ",\"command\":", run.command);
  Text(out, ",\"cwd\":", run.cwd);
  TextOrNull(out, ",\"python\":", run.python);
  Signed(out, ",\"start_ns\":", run.start_ns);
  Text(out, ",\"detail\":", run.detail);
  out->push_back('}');
}

void AppendProcessLine(std::string* out, const ProcessInfo& process) {
  Number(out, R"({"type":"process","process":)", process.process);
  Number(out, ",\"pid\":", process.pid);
  OrNull(out, ",\"parent\":", process.parent != 0, process.parent);
  Texts(out, ",\"command\":", process.command);
  TextOrNull(out, ",\"python\":", process.python);
  out->push_back('}');
}

void AppendThreadLine(std::string* out, const ThreadInfo& thread) {
  Number(out, R"({"type":"thread","process":)", thread.process);
  Number(out, ",\"thread\":", thread.thread);
  Text(out, ",\"name\":", thread.name);
  out->push_back('}');
}

void AppendTaskLine(std::string* out, const TaskInfo& task) {
  Number(out, R"({"type":"task","process":)", task.process);
  Number(out, ",\"task\":", task.task);
  Text(out, ",\"name\":", task.name);
  out->push_back('}');
}

void AppendSourceLine(std::string* out, const SourceInfo& source) {
  Number(out, R"({"type":"source","source":)", source.source);
  Text(out, ",\"file\":", source.file);
  Text(out, ",\"sha256\":", source.sha256);
  Text(out, ",\"text\":", source.text);
  out->push_back('}');
}

void AppendEndLine(std::string* out, const RunInfo& run, std::uint64_t events, std::uint64_t lost) {
  OrNull(out, R"({"type":"end","exit_code":)", run.exit_code.has_value(), run.exit_code.value_or(0));
  OrNull(out, ",\"signal\":", run.signal.has_value(), run.signal.value_or(0));
  OrNull(out, ",\"end_ns\":", run.end_ns != 0, run.end_ns);
  Number(out, ",\"events\":", events);
  Number(out, ",\"lost\":", lost);
  out->append(",\"complete\":").append(run.complete ? "true" : "false");
  out->push_back('}');
}

void AppendOpenEventJson(std::string* out, const Event& event) {
  const ReadAt at{event.thread, event.seq};
  Number(out, R"({"type":"event","process":)", event.process);
  Number(out, ",\"thread\":", event.thread);
  Number(out, ",\"seq\":", event.seq);
  Signed(out, ",\"time_ns\":", event.time_ns);
  out->append(",\"event\":\"").append(shm::KindName(event.kind)).push_back('"');
  if (event.code != nullptr) {
    if (event.code->source != 0) Number(out, ",\"source\":", event.code->source);
    Text(out, ",\"file\":", event.code->file);
  }
  if (event.line != 0) Number(out, ",\"line\":", event.line);
  if (event.code != nullptr) Text(out, ",\"function\":", event.code->function);
  if (event.frame != 0) Number(out, ",\"frame\":", event.frame);
  if (event.parent != 0) Number(out, ",\"parent\":", event.parent);
  if (event.frame != 0 || event.code != nullptr) Number(out, ",\"depth\":", event.depth);
  if (event.task != 0) Number(out, ",\"task\":", event.task);
  if (!event.changed.empty()) {
    out->append(",\"changed\":");
    AppendJsonNames(out, event.changed, at);
  }
  if (event.value != nullptr) {
    out->append(",\"value\":");
    AppendJson(out, *event.value, at);
  }
  if (!event.exception_type.empty()) {
    Text(out, R"(,"exception":{"type":)", event.exception_type);
    Text(out, ",\"message\":", event.exception_message);
    out->push_back('}');
  }
  if (event.propagated) out->append(",\"propagated\":true");
  if (event.kind == shm::Kind::kLost) {
    Number(out, ",\"count\":", event.lost_count);
    Signed(out, ",\"first_ns\":", event.lost_first_ns);
    Signed(out, ",\"last_ns\":", event.lost_last_ns);
  }
}

void AppendEventJson(std::string* out, const Event& event) {
  AppendOpenEventJson(out, event);
  out->push_back('}');
}

}  // namespace smiley::daemon
