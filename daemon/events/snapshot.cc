#include "daemon/events/snapshot.h"

#include "daemon/run/coding.h"

namespace smiley::daemon {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kProgress = 0, kSnapshot = 1, kFrame = 2, kStats = 3;

std::string Key(std::uint32_t thread, std::uint64_t kind) {
  std::string key;
  AppendBig(&key, thread, 4);
  AppendBig(&key, kind, 1);
  return key;
}

}  // namespace

std::string ProgressKey(std::uint32_t thread) { return Key(thread, kProgress); }
std::string StatsKey(std::uint32_t thread) { return Key(thread, kStats); }

std::string SnapshotKey(std::uint32_t thread, std::uint64_t next_seq) {
  std::string key = Key(thread, kSnapshot);
  AppendBig(&key, next_seq, 8);
  return key;
}

std::string FrameKey(std::uint32_t thread, std::uint64_t frame, std::uint64_t next_seq) {
  std::string key = Key(thread, kFrame);
  AppendBig(&key, frame, 8);
  AppendBig(&key, next_seq, 8);
  return key;
}

std::string EncodeSnapshot(const ThreadSnapshot& snapshot) {
  FieldWriter out;
  out.Unsigned(kVersion);
  out.Unsigned(snapshot.process);
  out.Unsigned(snapshot.thread);
  out.Unsigned(snapshot.next_seq);
  out.Unsigned(snapshot.last_frame);
  out.Unsigned(snapshot.epoch);
  out.Unsigned(snapshot.task);
  out.Unsigned(snapshot.hidden);
  out.Unsigned(snapshot.stack.size());
  for (const shm::OpenFrame& frame : snapshot.stack) {
    out.Unsigned(frame.frame);
    out.Unsigned(frame.code);
    out.Unsigned(frame.line);
  }
  return out.Take();
}

bool DecodeSnapshot(std::string_view bytes, ThreadSnapshot* snapshot) {
  FieldReader in(bytes);
  if (in.Unsigned() != kVersion) return false;
  snapshot->process = in.Unsigned32();
  snapshot->thread = in.Unsigned32();
  snapshot->next_seq = in.Unsigned();
  snapshot->last_frame = in.Unsigned();
  snapshot->epoch = in.Unsigned();
  snapshot->task = in.Unsigned32();
  snapshot->hidden = in.Unsigned32();
  snapshot->stack.clear();
  for (std::uint64_t count = in.Unsigned(); count > 0 && in.ok(); --count) {
    shm::OpenFrame& frame = snapshot->stack.emplace_back();
    frame.frame = in.Unsigned();
    frame.code = in.Unsigned32();
    frame.line = in.Unsigned32();
  }
  return in.ok();
}

std::string EncodeFrame(const FrameSnapshot& frame) {
  FieldWriter out;
  out.Unsigned(kVersion);
  out.Unsigned(frame.epoch);
  out.Unsigned(frame.line);
  out.Unsigned(frame.variables.size());
  std::string cbor;
  for (const auto& [name, value] : frame.variables) {
    cbor.clear();
    EncodeValue(&cbor, *value);
    out.Unsigned(name);
    out.Unsigned(value->read_at.thread);
    out.Unsigned(value->read_at.seq);
    out.Bytes(cbor);
  }
  return out.Take();
}

bool DecodeFrame(std::string_view bytes, FrameSnapshot* frame) {
  FieldReader in(bytes);
  if (in.Unsigned() != kVersion) return false;
  frame->epoch = in.Unsigned();
  frame->line = in.Unsigned32();
  frame->variables.clear();
  for (std::uint64_t count = in.Unsigned(); count > 0 && in.ok(); --count) {
    const std::uint32_t name = in.Unsigned32();
    ReadAt at;
    at.thread = in.Unsigned32();
    at.seq = in.Unsigned();
    auto value = DecodeValue(in.Bytes(), at);
    if (!value) return false;
    if ((*value)->Is(kFormLost)) value = MakeLost();
    if ((*value)->Is(kFormUnbound) && at.seq == 0) value = MakeUnbound();
    frame->variables.emplace_back(name, std::move(*value));
  }
  return in.ok();
}

std::string EncodeProgress(const SnapshotProgress& progress) {
  FieldWriter out;
  out.Unsigned(kVersion);
  out.Unsigned(progress.next_seq);
  out.Unsigned(progress.chunk_bytes);
  out.Unsigned(progress.bytes);
  return out.Take();
}

bool DecodeProgress(std::string_view bytes, SnapshotProgress* progress) {
  FieldReader in(bytes);
  if (in.Unsigned() != kVersion) return false;
  progress->next_seq = in.Unsigned();
  progress->chunk_bytes = in.Unsigned();
  progress->bytes = in.Unsigned();
  return in.ok();
}

FrameLoader MakeFrameLoader(Archive& archive, const std::string& run, const ThreadSnapshot& snapshot) {
  return [&archive, run, thread = snapshot.thread, seq = snapshot.next_seq](std::uint64_t frame, FrameSnapshot* out) {
    auto last = archive.LastDerived(run, FrameKey(thread, frame, 0), FrameKey(thread, frame, seq + 1));
    return last.ok() && *last && DecodeFrame((*last)->second, out);
  };
}

}  // namespace smiley::daemon
