#include "daemon/query/objects.h"

namespace smiley::daemon {

void AppendRun(std::string* out, const RunInfo& run) {
  JsonObject o(out);
  o.Text("type", "run").Text("id", run.id).Texts("command", run.command).Text("cwd", run.cwd);
  o.TextOrNull("python", run.python).TextOrNull("detail", run.detail).TextOrNull("name", run.name);
  o.Signed("start_ns", run.start_ns);
  if (run.end_ns != 0) {
    o.Signed("end_ns", run.end_ns);
  } else {
    o.Null("end_ns");
  }
  o.Text("state", run.state == RunState::kRunning ? "running"
                  : run.state == RunState::kEnded ? "ended"
                                                  : "importing");
  if (run.exit_code) {
    o.Signed("exit_code", *run.exit_code);
  } else {
    o.Null("exit_code");
  }
  if (run.signal) {
    o.Signed("signal", *run.signal);
  } else {
    o.Null("signal");
  }
  o.Flag("complete", run.complete).Number("events", run.events).Number("lost", run.lost).Number("bytes", run.bytes);
  o.Number("processes", run.processes).Number("threads", run.threads).Number("exceptions", run.exceptions);
  o.TextOrNull("uncaught", run.uncaught).Texts("notes", run.notes).Flag("pinned", run.pinned);
  o.End();
}

void AppendProcess(std::string* out, const ProcessInfo& process) {
  JsonObject o(out);
  o.Text("type", "process").Number("process", process.process).Number("pid", process.pid);
  if (process.parent != 0) {
    o.Number("parent", process.parent);
  } else {
    o.Null("parent");
  }
  o.Texts("command", process.command).TextOrNull("python", process.python).TextOrNull("kind", process.kind);
  o.Signed("start_ns", process.start_ns);
  if (process.end_ns != 0) {
    o.Signed("end_ns", process.end_ns);
  } else {
    o.Null("end_ns");
  }
  o.End();
}

void AppendThread(std::string* out, const ThreadInfo& thread, std::optional<std::uint64_t> lines) {
  JsonObject o(out);
  o.Text("type", "thread")
      .Number("process", thread.process)
      .Number("thread", thread.thread)
      .Text("name", thread.name);
  o.Number("native_id", thread.native_id).Number("events", thread.events).Number("lost", thread.lost);
  o.Signed("first_ns", thread.first_ns).Signed("last_ns", thread.last_ns).Flag("ended", thread.ended);
  if (lines) o.Number("lines", *lines);
  o.End();
}

void AppendTask(std::string* out, const TaskInfo& task) {
  JsonObject o(out);
  o.Text("type", "task").Number("process", task.process).Number("task", task.task).Text("name", task.name);
  o.End();
}

void AppendSource(std::string* out, const SourceInfo& source, bool with_text) {
  JsonObject o(out);
  o.Text("type", "source").Number("source", source.source).Text("file", source.file).Text("sha256", source.sha256);
  if (with_text) o.Text("text", source.text);
  o.End();
}

void AppendForward(std::string* out, const ForwardStatus& status) {
  using State = ForwardStatus::State;
  JsonObject o(out);
  o.Text("run", status.run).Text("to", status.to);
  o.Text("state", status.state == State::kRecording ? "recording"
                  : status.state == State::kSending ? "sending"
                                                    : "waiting");
  o.Number("sent_bytes", status.sent_bytes).TextOrNull("error", status.error);
  o.End();
}

std::string FormatStatusMembers(const DaemonStatus& status) {
  std::string object;
  JsonObject o(&object);
  o.Number("pid", status.pid).Text("version", status.version).Text("home", status.home).Text("store", status.store);
  o.Signed("start_ns", status.start_ns);
  std::string list = "[";
  for (const auto& run : status.runs) {
    if (list.size() > 1) list += ',';
    std::string about;
    AppendRun(&about, run.run);
    JsonObject r(&list);
    r.Raw("run", about).Real("events_per_second", run.events_per_second);
    r.Real("bytes_per_second", run.bytes_per_second).Number("live_processes", run.live_processes);
    r.End();
  }
  o.Raw("runs", list + "]");
  list = "[";
  for (const auto& ring : status.rings) {
    if (list.size() > 1) list += ',';
    JsonObject r(&list);
    r.Text("run", ring.run).Number("process", ring.process).Number("pid", ring.pid).Number("thread", ring.thread);
    r.Number("bytes", ring.bytes).Real("fill", ring.fill).Flag("dropping", ring.dropping);
    r.Flag("in_file", ring.in_file).Text("on_full", ring.on_full);
    r.End();
  }
  o.Raw("rings", list + "]");
  list = "[";
  for (const auto& forward : status.forwarding) {
    if (list.size() > 1) list += ',';
    AppendForward(&list, forward);
  }
  o.Raw("forwarding", list + "]");
  o.Number("runs_stored", status.runs_stored).Number("store_bytes", status.store_bytes);
  o.Number("free_bytes", status.free_bytes).Number("memory_bytes", status.memory_bytes);
  o.TextOrNull("listen", status.listen);
  if (status.quota_bytes != 0) {
    o.Number("quota_bytes", status.quota_bytes);
  } else {
    o.Null("quota_bytes");
  }
  o.Number("in_flight_bytes", status.in_flight_bytes).Number("lost", status.lost).Number("watchers", status.watchers);
  o.Text("bottleneck", status.bottleneck).TextOrNull("problem", status.problem);
  o.End();
  return object.substr(1, object.size() - 2);
}

}  // namespace smiley::daemon
