#include "daemon/store/records.h"

namespace smiley::daemon {
namespace {

constexpr std::uint64_t kRecordVersion = 1;

Status Finish(const FieldReader& in, const char* what) {
  if (in.ok()) return {};
  return {Code::kDamaged, std::string("damaged record of a ") + what + " in the store"};
}

void Optional(FieldWriter* out, const std::optional<int>& value) {
  out->Unsigned(value ? 1 : 0);
  out->Signed(value.value_or(0));
}
std::optional<int> Optional(FieldReader* in) {
  const bool there = in->Unsigned() != 0;
  const auto value = static_cast<int>(in->Signed());
  return there ? std::optional<int>(value) : std::nullopt;
}

}  // namespace

std::string ChunkKey(std::uint64_t arrival) {
  std::string key;
  AppendBig(&key, arrival, 8);
  return key;
}

std::string IndexKey(std::uint32_t run, std::uint32_t thread, std::uint64_t first_seq, std::uint64_t arrival) {
  std::string key;
  AppendBig(&key, run, 4);
  AppendBig(&key, thread, 4);
  AppendBig(&key, first_seq, 8);
  AppendBig(&key, arrival, 8);
  return key;
}

std::string CatalogueKey(std::uint32_t run, std::uint32_t process, std::uint16_t type, std::uint64_t id) {
  std::string key;
  AppendBig(&key, run, 4);
  AppendBig(&key, process, 4);
  AppendBig(&key, type, 2);
  AppendBig(&key, id, 8);
  return key;
}

std::string EncodeRun(const RunRecord& record) {
  const RunInfo& info = record.info;
  FieldWriter out;
  out.Unsigned(kRecordVersion);
  out.Unsigned(record.key);
  out.Texts(info.command);
  out.Bytes(info.cwd);
  out.Bytes(info.python);
  out.Bytes(info.detail);
  out.Bytes(info.name);
  out.Signed(info.start_ns);
  out.Signed(info.end_ns);
  out.Unsigned(static_cast<std::uint64_t>(info.state));
  Optional(&out, info.exit_code);
  Optional(&out, info.signal);
  out.Unsigned(info.complete ? 1 : 0);
  out.Unsigned(info.events);
  out.Unsigned(info.lost);
  out.Unsigned(info.bytes);
  out.Unsigned(info.processes);
  out.Unsigned(info.threads);
  out.Unsigned(info.exceptions);
  out.Bytes(info.uncaught);
  out.Texts(info.notes);
  out.Unsigned(info.flawed ? 1 : 0);
  out.Unsigned(info.pinned ? 1 : 0);
  return out.Take();
}

Status DecodeRun(std::string_view bytes, RunRecord* record) {
  FieldReader in(bytes);
  RunInfo& info = record->info;
  in.Unsigned();  // version: fields are only ever added at the end
  record->key = in.Unsigned32();
  info.command = in.Texts();
  info.cwd = in.Bytes();
  info.python = in.Bytes();
  info.detail = in.Bytes();
  info.name = in.Bytes();
  info.start_ns = in.Signed();
  info.end_ns = in.Signed();
  info.state = static_cast<RunState>(in.Unsigned());
  info.exit_code = Optional(&in);
  info.signal = Optional(&in);
  info.complete = in.Unsigned() != 0;
  info.events = in.Unsigned();
  info.lost = in.Unsigned();
  info.bytes = in.Unsigned();
  info.processes = in.Unsigned32();
  info.threads = in.Unsigned32();
  info.exceptions = in.Unsigned32();
  info.uncaught = in.Bytes();
  info.notes = in.Texts();
  info.flawed = in.Unsigned() != 0;
  info.pinned = !in.at_end() && in.Unsigned() != 0;
  return Finish(in, "run");
}

std::string EncodeRunCopy(const std::string& id, const RunRecord& record) {
  FieldWriter out;
  out.Unsigned(kRecordVersion);
  out.Bytes(id);
  out.Bytes(EncodeRun(record));
  return out.Take();
}

Status DecodeRunCopy(std::string_view bytes, RunRecord* record) {
  FieldReader in(bytes);
  in.Unsigned();
  record->info.id = in.Bytes();
  const std::string copy = in.Bytes();
  if (const Status status = Finish(in, "run"); !status.ok()) return status;
  return DecodeRun(copy, record);
}

std::string EncodeProcess(const ProcessInfo& info) {
  FieldWriter out;
  out.Unsigned(kRecordVersion);
  out.Unsigned(info.process);
  out.Unsigned(info.pid);
  out.Unsigned(info.parent);
  out.Texts(info.command);
  out.Bytes(info.python);
  out.Bytes(info.kind);
  out.Signed(info.start_ns);
  out.Signed(info.end_ns);
  out.Unsigned(info.token);
  return out.Take();
}

Status DecodeProcess(std::string_view bytes, ProcessInfo* info) {
  FieldReader in(bytes);
  in.Unsigned();
  info->process = in.Unsigned32();
  info->pid = in.Unsigned32();
  info->parent = in.Unsigned32();
  info->command = in.Texts();
  info->python = in.Bytes();
  info->kind = in.Bytes();
  info->start_ns = in.Signed();
  info->end_ns = in.Signed();
  info->token = in.Unsigned();
  return Finish(in, "process");
}

std::string EncodeThread(const ThreadInfo& info) {
  FieldWriter out;
  out.Unsigned(kRecordVersion);
  out.Unsigned(info.process);
  out.Unsigned(info.thread);
  out.Unsigned(info.native_id);
  out.Bytes(info.name);
  out.Unsigned(info.events);
  out.Unsigned(info.lost);
  out.Signed(info.first_ns);
  out.Signed(info.last_ns);
  out.Unsigned(info.ended ? 1 : 0);
  out.Unsigned(info.local);
  return out.Take();
}

Status DecodeThread(std::string_view bytes, ThreadInfo* info) {
  FieldReader in(bytes);
  in.Unsigned();
  info->process = in.Unsigned32();
  info->thread = in.Unsigned32();
  info->native_id = in.Unsigned();
  info->name = in.Bytes();
  info->events = in.Unsigned();
  info->lost = in.Unsigned();
  info->first_ns = in.Signed();
  info->last_ns = in.Signed();
  info->ended = in.Unsigned() != 0;
  info->local = in.Unsigned32();
  return Finish(in, "thread");
}

std::string EncodeSource(const SourceInfo& info) {
  FieldWriter out;
  out.Unsigned(kRecordVersion);
  out.Unsigned(info.source);
  out.Bytes(info.file);
  out.Bytes(info.sha256);
  out.Bytes(info.text);
  return out.Take();
}

Status DecodeSource(std::string_view bytes, SourceInfo* info) {
  FieldReader in(bytes);
  in.Unsigned();
  info->source = in.Unsigned32();
  info->file = in.Bytes();
  info->sha256 = in.Bytes();
  info->text = in.Bytes();
  return Finish(in, "source");
}

std::string EncodeTask(const TaskInfo& info) {
  FieldWriter out;
  out.Unsigned(kRecordVersion);
  out.Unsigned(info.process);
  out.Unsigned(info.task);
  out.Bytes(info.name);
  return out.Take();
}

Status DecodeTask(std::string_view bytes, TaskInfo* info) {
  FieldReader in(bytes);
  in.Unsigned();
  info->process = in.Unsigned32();
  info->task = in.Unsigned32();
  info->name = in.Bytes();
  return Finish(in, "task");
}

}  // namespace smiley::daemon
