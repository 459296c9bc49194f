#include "tools/link/run_view.h"

#include <string.h>

#include <nlohmann/json.hpp>

#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

using Json = nlohmann::json;

std::string TextOf(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return {};
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);  // text with lone surrogates is an object
}
std::string TextAt(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at == object.end() ? std::string() : TextOf(*at);
}
std::vector<std::string> TextsAt(const Json& object, const char* key) {
  std::vector<std::string> out;
  const auto at = object.find(key);
  if (at != object.end() && at->is_array()) {
    for (const Json& item : *at) out.push_back(TextOf(item));
  }
  return out;
}
template <typename T>
T NumberAt(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number() ? at->get<T>() : T{};
}
bool FlagAt(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_boolean() && at->get<bool>();
}
Result<Json> ParseObject(std::string_view line) {
  Json object = Json::parse(line.begin(), line.end(), nullptr, false);
  if (!object.is_object())
    return Status(Code::kDamaged, "an answer of the daemon cannot be read; smiley-daemon restart may help");
  return object;
}

}  // namespace

Result<RunView> ParseRun(std::string_view line) {
  Result<Json> parsed = ParseObject(line);
  if (!parsed) return parsed.status();
  const auto inner = parsed->find("run");
  const Json& object = inner != parsed->end() && inner->is_object() ? *inner : *parsed;
  RunView run;
  // The end line of a watched run has the id as "run".
  run.id = TextAt(object, inner != parsed->end() && inner->is_string() ? "run" : "id");
  run.name = TextAt(object, "name");
  run.cwd = TextAt(object, "cwd");
  run.python = TextAt(object, "python");
  run.detail = TextAt(object, "detail");
  run.state = TextAt(object, "state");
  run.uncaught = TextAt(object, "uncaught");
  run.command = TextsAt(object, "command");
  run.notes = TextsAt(object, "notes");
  run.start_ns = NumberAt<std::int64_t>(object, "start_ns");
  run.end_ns = NumberAt<std::int64_t>(object, "end_ns");
  run.complete = FlagAt(object, "complete");
  run.pinned = FlagAt(object, "pinned");
  run.has_exit_code = object.contains("exit_code") && object["exit_code"].is_number();
  run.exit_code = NumberAt<int>(object, "exit_code");
  run.has_signal = object.contains("signal") && object["signal"].is_number();
  run.signal = NumberAt<int>(object, "signal");
  run.events = NumberAt<std::uint64_t>(object, "events");
  run.lost = NumberAt<std::uint64_t>(object, "lost");
  run.bytes = NumberAt<std::uint64_t>(object, "bytes");
  run.processes = NumberAt<std::uint32_t>(object, "processes");
  run.threads = NumberAt<std::uint32_t>(object, "threads");
  run.exceptions = NumberAt<std::uint32_t>(object, "exceptions");
  return run;
}

Result<ProcessView> ParseProcess(std::string_view line) {
  const Result<Json> object = ParseObject(line);
  if (!object) return object.status();
  ProcessView out;
  out.process = NumberAt<std::uint32_t>(*object, "process");
  out.pid = NumberAt<std::uint32_t>(*object, "pid");
  out.parent = NumberAt<std::uint32_t>(*object, "parent");
  out.command = TextsAt(*object, "command");
  out.python = TextAt(*object, "python");
  out.kind = TextAt(*object, "kind");
  out.start_ns = NumberAt<std::int64_t>(*object, "start_ns");
  out.end_ns = NumberAt<std::int64_t>(*object, "end_ns");
  return out;
}

Result<ThreadView> ParseThread(std::string_view line) {
  const Result<Json> object = ParseObject(line);
  if (!object) return object.status();
  ThreadView out;
  out.process = NumberAt<std::uint32_t>(*object, "process");
  out.thread = NumberAt<std::uint32_t>(*object, "thread");
  out.name = TextAt(*object, "name");
  out.events = NumberAt<std::uint64_t>(*object, "events");
  out.lines = NumberAt<std::uint64_t>(*object, "lines");
  out.lost = NumberAt<std::uint64_t>(*object, "lost");
  out.first_ns = NumberAt<std::int64_t>(*object, "first_ns");
  out.last_ns = NumberAt<std::int64_t>(*object, "last_ns");
  out.ended = FlagAt(*object, "ended");
  return out;
}

Result<SourceView> ParseSource(std::string_view line) {
  const Result<Json> object = ParseObject(line);
  if (!object) return object.status();
  SourceView out;
  out.source = NumberAt<std::uint32_t>(*object, "source");
  out.file = TextAt(*object, "file");
  out.sha256 = TextAt(*object, "sha256");
  out.text = TextAt(*object, "text");
  return out;
}

std::string SignalName(int number) {
  const char* name = sigabbrev_np(number);
  const std::string shown = std::to_string(number);
  return name != nullptr ? std::string("SIG") + name + " (" + shown + ")" : "signal " + shown;
}

namespace {

std::string DescribeExit(const RunView& run) {
  if (run.running()) return "running";
  if (run.has_signal) return "killed by " + SignalName(run.signal);
  if (!run.has_exit_code) return "unknown";
  return run.exit_code == 0 ? "ok" : "exit code " + std::to_string(run.exit_code);
}

bool EndsWithException(const RunView& run) { return !run.running() && !run.has_signal && !run.uncaught.empty(); }

}  // namespace

std::string DescribeEnd(const RunView& run) {
  if (!EndsWithException(run)) return DescribeExit(run);
  return DescribeExit(run) + ", " + Clean(run.uncaught) + " not caught";
}

std::string NameEnd(const RunView& run) {
  return EndsWithException(run) && run.failed() ? Clean(run.uncaught) : DescribeExit(run);
}

std::string Quote(std::string_view text) {
  return Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace smiley::tools
