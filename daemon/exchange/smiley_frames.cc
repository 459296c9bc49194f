#include "daemon/exchange/smiley_frames.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <functional>
#include <limits>
#include <map>

#include "daemon/value/text_codec.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

using shm::CborReader;
using shm::CborWriter;

constexpr std::size_t kCatalogueFrameBytes = 64 * 1024;
constexpr std::uint64_t kMaxTexts = 1'000'000;

Status Damaged(const std::string& what) { return Status(Code::kDamaged, "the export is damaged: " + what); }

template <typename T>
void Put(std::string* out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out->append(bytes, sizeof(T));
}
template <typename T>
T Get(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

std::uint64_t Fold(std::uint64_t chain, std::uint64_t check) {
  const std::uint64_t both[2] = {chain, check};
  return XXH3_64bits(both, sizeof(both));
}

// Writes a CBOR map with a given number of pairs.
class MapWriter {
 public:
  MapWriter(std::string* out, std::uint64_t pairs) : out_(out) { out_.MapHeader(pairs); }
  MapWriter& Text(std::string_view key, std::string_view text) {
    out_.Text(key);
    PutText(text);
    return *this;
  }
  MapWriter& Texts(std::string_view key, const std::vector<std::string>& texts) {
    out_.Text(key);
    out_.ArrayHeader(texts.size());
    for (const std::string& text : texts) PutText(text);
    return *this;
  }
  MapWriter& Number(std::string_view key, std::uint64_t number) {
    out_.Text(key);
    out_.Unsigned(number);
    return *this;
  }
  MapWriter& Signed(std::string_view key, std::int64_t number) {
    out_.Text(key);
    out_.Int(number);
    return *this;
  }
  MapWriter& Optional(std::string_view key, const std::optional<int>& number) {
    out_.Text(key);
    if (number) {
      out_.Int(*number);
    } else {
      out_.Null();
    }
    return *this;
  }
  MapWriter& Flag(std::string_view key, bool flag) {
    out_.Text(key);
    out_.Bool(flag);
    return *this;
  }

 private:
  void PutText(std::string_view text) {
    if (IsUtf8(text)) {
      out_.Text(text);
    } else {
      out_.Bytes(text);
    }
  }
  CborWriter out_;
};

// Reads a CBOR map. Each known key has a function that reads its value; other keys are skipped.
class MapReader {
 public:
  using Take = std::function<bool(CborReader&)>;
  MapReader& On(std::string_view key, Take take) {
    takes_.emplace(key, std::move(take));
    return *this;
  }
  MapReader& Text(std::string_view key, std::string* text) {
    return On(key, [text](CborReader& in) {
      std::string_view view;
      if (!in.ReadTextOrBytes(&view)) return false;
      *text = std::string(view);
      return true;
    });
  }
  MapReader& Texts(std::string_view key, std::vector<std::string>* texts) {
    return On(key, [texts](CborReader& in) {
      std::uint64_t items = 0;
      if (!in.ReadArray(&items) || items > kMaxTexts) return false;
      texts->clear();
      for (std::uint64_t i = 0; i < items; ++i) {
        std::string_view view;
        if (!in.ReadTextOrBytes(&view)) return false;
        texts->emplace_back(view);
      }
      return true;
    });
  }
  template <typename Integer>
  MapReader& Number(std::string_view key, Integer* number) {
    return On(key, [number](CborReader& in) {
      std::uint64_t value = 0;
      if (!in.ReadUnsigned(&value) || value > std::numeric_limits<Integer>::max()) return false;
      *number = static_cast<Integer>(value);
      return true;
    });
  }
  MapReader& Signed(std::string_view key, std::int64_t* number) {
    return On(key, [number](CborReader& in) { return in.ReadInt(number); });
  }
  MapReader& Optional(std::string_view key, std::optional<int>* number) {
    return On(key, [number](CborReader& in) {
      if (in.ReadNull()) return true;
      std::int64_t value = 0;
      if (!in.ReadInt(&value) || value < INT32_MIN || value > INT32_MAX) return false;
      *number = static_cast<int>(value);
      return true;
    });
  }
  MapReader& Flag(std::string_view key, bool* flag) {
    return On(key, [flag](CborReader& in) {
      const CborReader::Item item = in.Next();
      *flag = item.flag;
      return item.type == CborReader::Type::kBool;
    });
  }
  Status Read(std::string_view payload, const char* what) const {
    CborReader in(payload);
    std::uint64_t pairs = 0;
    if (!in.ReadMap(&pairs)) return Damaged(std::string("no ") + what);
    for (std::uint64_t i = 0; i < pairs; ++i) {
      std::string_view key;
      if (!in.ReadText(&key)) return Damaged(std::string("bad ") + what);
      const auto it = takes_.find(key);
      const bool good = it == takes_.end() ? in.Skip() : it->second(in);
      if (!good || in.bad()) return Damaged(std::string("bad ") + what);
    }
    if (!in.rest().empty()) return Damaged(std::string("bytes left behind a ") + what);
    return Status::Ok();
  }

 private:
  std::map<std::string, Take, std::less<>> takes_;
};

}  // namespace

std::string ExportHeader() {
  std::string out(kExportMagic);
  Put<std::uint32_t>(&out, kExportVersion);
  Put<std::uint32_t>(&out, 0);
  return out;
}

void AppendFrame(std::string* out, FrameType type, std::string_view payload, ExportTotals* totals) {
  const std::size_t begin = out->size();
  Put<std::uint32_t>(out, static_cast<std::uint32_t>(type));
  Put<std::uint32_t>(out, static_cast<std::uint32_t>(payload.size()));
  *out += payload;
  const std::uint64_t check = XXH3_64bits(out->data() + begin, out->size() - begin);
  Put<std::uint64_t>(out, check);
  ++totals->frames;
  totals->chain = Fold(totals->chain, check);
}

void FrameReader::Feed(std::string_view bytes) {
  if (at_ > 0 && (at_ == buffer_.size() || at_ > (1u << 20))) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  buffer_ += bytes;
}

Result<FrameReader::Step> FrameReader::Next(Frame* frame) {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  if (!header_read_) {
    const std::size_t seen = std::min(rest.size(), kExportMagic.size());
    if (rest.substr(0, seen) != kExportMagic.substr(0, seen)) {
      return Status(Code::kForeign, "this is not an export of smiley");
    }
    if (rest.size() < kExportHeaderBytes) return Step::kNeedMore;
    const auto version = Get<std::uint32_t>(rest, 8);
    if (version > kExportVersion) {
      return Status(Code::kVersion, "the export was written by a newer smiley (format " + std::to_string(version) +
                                        ", this one reads up to " + std::to_string(kExportVersion) + ")");
    }
    if (Get<std::uint32_t>(rest, 12) != 0) return Damaged("bad header");
    header_read_ = true;
    at_ += kExportHeaderBytes;
    return Next(frame);
  }
  if (ended_) {
    if (!rest.empty()) return Damaged("bytes follow its end");
    return Step::kNeedMore;
  }
  if (rest.size() < kFrameHeaderBytes) return Step::kNeedMore;
  const auto type = Get<std::uint32_t>(rest, 0);
  const auto length = Get<std::uint32_t>(rest, 4);
  if (type < static_cast<std::uint32_t>(FrameType::kRun) || type > static_cast<std::uint32_t>(FrameType::kEnd)) {
    return Damaged("a frame of unknown type");
  }
  if (length > kMaxExportFrame) return Damaged("a frame that is too long");
  const std::size_t whole = kFrameHeaderBytes + length + kFrameCheckBytes;
  if (rest.size() < whole) return Step::kNeedMore;
  const std::uint64_t check = XXH3_64bits(rest.data(), kFrameHeaderBytes + length);
  if (check != Get<std::uint64_t>(rest, kFrameHeaderBytes + length)) return Damaged("a checksum is wrong");
  frame->type = static_cast<FrameType>(type);
  frame->payload = rest.substr(kFrameHeaderBytes, length);
  at_ += whole;
  if (frame->type == FrameType::kEnd) {
    ended_ = true;
  } else {
    ++totals_.frames;
    totals_.chain = Fold(totals_.chain, check);
  }
  return Step::kFrame;
}

Status FrameReader::Finish() const {
  if (!header_read_) {
    if (buffer_.empty()) return Status(Code::kForeign, "there is nothing to import: the input is empty");
    return Status(Code::kForeign, "this is not an export of smiley");
  }
  if (!ended_) return Damaged("it ends too early (was it cut off?)");
  if (at_ != buffer_.size()) return Damaged("bytes follow its end");
  return Status::Ok();
}

std::string EncodeRunFrame(const RunInfo& run) {
  std::string out;
  {
    MapWriter map(&out, 13);
    map.Text("id", run.id).Texts("command", run.command).Text("cwd", run.cwd).Text("python", run.python);
    map.Text("detail", run.detail).Text("name", run.name).Signed("start_ns", run.start_ns);
    const bool ended = run.state == RunState::kEnded;
    map.Signed("end_ns", ended ? run.end_ns : 0).Optional("exit_code", ended ? run.exit_code : std::nullopt);
    map.Optional("signal", ended ? run.signal : std::nullopt).Flag("complete", run.complete && ended);
    map.Text("uncaught", run.uncaught).Texts("notes", run.notes);
  }
  return out;
}

Result<RunInfo> DecodeRunFrame(std::string_view payload) {
  RunInfo run;
  run.state = RunState::kEnded;
  MapReader map;
  map.Text("id", &run.id).Texts("command", &run.command).Text("cwd", &run.cwd).Text("python", &run.python);
  map.Text("detail", &run.detail).Text("name", &run.name).Signed("start_ns", &run.start_ns);
  map.Signed("end_ns", &run.end_ns).Optional("exit_code", &run.exit_code).Optional("signal", &run.signal);
  map.Flag("complete", &run.complete).Text("uncaught", &run.uncaught).Texts("notes", &run.notes);
  if (Status status = map.Read(payload, "run"); !status) return status;
  return run;
}

std::string EncodeProcessFrame(const ProcessInfo& process) {
  std::string out;
  {
    MapWriter map(&out, 8);
    map.Number("process", process.process).Number("pid", process.pid).Number("parent", process.parent);
    map.Texts("command", process.command).Text("python", process.python).Text("kind", process.kind);
    map.Signed("start_ns", process.start_ns).Signed("end_ns", process.end_ns);
  }
  return out;
}

Result<ProcessInfo> DecodeProcessFrame(std::string_view payload) {
  ProcessInfo process;
  MapReader map;
  map.Number("process", &process.process).Number("pid", &process.pid).Number("parent", &process.parent);
  map.Texts("command", &process.command).Text("python", &process.python).Text("kind", &process.kind);
  map.Signed("start_ns", &process.start_ns).Signed("end_ns", &process.end_ns);
  if (Status status = map.Read(payload, "process"); !status) return status;
  if (process.process == 0) return Damaged("a process without a number");
  return process;
}

std::string EncodeThreadFrame(const ThreadInfo& thread) {
  std::string out;
  {
    MapWriter map(&out, 5);
    map.Number("process", thread.process).Number("thread", thread.thread).Number("native_id", thread.native_id);
    map.Text("name", thread.name).Flag("ended", thread.ended);
  }
  return out;
}

Result<ThreadInfo> DecodeThreadFrame(std::string_view payload) {
  ThreadInfo thread;
  MapReader map;
  map.Number("process", &thread.process).Number("thread", &thread.thread).Number("native_id", &thread.native_id);
  map.Text("name", &thread.name).Flag("ended", &thread.ended);
  if (Status status = map.Read(payload, "thread"); !status) return status;
  if (thread.thread == 0) return Damaged("a thread without a number");
  return thread;
}

std::string EncodeTaskFrame(const TaskInfo& task) {
  std::string out;
  {
    MapWriter map(&out, 3);
    map.Number("process", task.process).Number("task", task.task).Text("name", task.name);
  }
  return out;
}

Result<TaskInfo> DecodeTaskFrame(std::string_view payload) {
  TaskInfo task;
  MapReader map;
  map.Number("process", &task.process).Number("task", &task.task).Text("name", &task.name);
  if (Status status = map.Read(payload, "task"); !status) return status;
  return task;
}

std::string EncodeSourceFrame(const SourceInfo& source) {
  std::string out;
  {
    MapWriter map(&out, 4);
    map.Number("source", source.source).Text("file", source.file).Text("sha256", source.sha256);
    map.Text("text", source.text);
  }
  return out;
}

Result<SourceInfo> DecodeSourceFrame(std::string_view payload) {
  SourceInfo source;
  MapReader map;
  map.Number("source", &source.source).Text("file", &source.file).Text("sha256", &source.sha256);
  map.Text("text", &source.text);
  if (Status status = map.Read(payload, "source"); !status) return status;
  if (source.source == 0) return Damaged("a source without a number");
  return source;
}

std::string EncodeCatalogueFrame(const std::vector<CatalogueEntry>& entries, std::size_t* at) {
  std::string out;
  Put<std::uint32_t>(&out, entries[*at].process);
  do {
    const CatalogueEntry& entry = entries[*at];
    Put<std::uint32_t>(&out, static_cast<std::uint32_t>(entry.type));
    Put<std::uint32_t>(&out, entry.id);
    Put<std::uint32_t>(&out, static_cast<std::uint32_t>(entry.payload.size()));
    out += entry.payload;
    ++*at;
  } while (*at < entries.size() && out.size() < kCatalogueFrameBytes);
  return out;
}

Status DecodeCatalogueFrame(std::string_view payload, const std::string& run, std::vector<CatalogueEntry>* entries) {
  if (payload.size() < 4) return Damaged("bad catalogue");
  const auto process = Get<std::uint32_t>(payload, 0);
  std::size_t at = 4;
  while (at < payload.size()) {
    if (payload.size() - at < 12) return Damaged("bad catalogue");
    const auto type = Get<std::uint32_t>(payload, at);
    const auto bytes = Get<std::uint32_t>(payload, at + 8);
    if (type < 1 || type > static_cast<std::uint32_t>(shm::RecordType::kNote) || bytes > payload.size() - at - 12) {
      return Damaged("bad catalogue");
    }
    CatalogueEntry entry;
    entry.run = run;
    entry.process = process;
    entry.type = static_cast<shm::RecordType>(type);
    entry.id = Get<std::uint32_t>(payload, at + 4);
    entry.payload = std::string(payload.substr(at + 12, bytes));
    entries->push_back(std::move(entry));
    at += 12 + bytes;
  }
  return Status::Ok();
}

std::string EncodeEndFrame(const ExportTotals& totals) {
  std::string out;
  {
    MapWriter map(&out, 4);
    map.Number("frames", totals.frames).Number("events", totals.events).Number("lost", totals.lost);
    map.Number("chain", totals.chain);
  }
  return out;
}

Result<ExportTotals> DecodeEndFrame(std::string_view payload) {
  ExportTotals totals;
  MapReader map;
  map.Number("frames", &totals.frames).Number("events", &totals.events).Number("lost", &totals.lost);
  map.Number("chain", &totals.chain);
  if (Status status = map.Read(payload, "end"); !status) return status;
  return totals;
}

}  // namespace smiley::daemon
