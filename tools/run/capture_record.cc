#include "tools/run/capture_record.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "daemon/value/text_codec.h"
#include "shm/base/random.h"
#include "shm/cbor.h"
#include "shm/clock.h"

namespace smiley::tools {

namespace {

constexpr std::size_t kMostBytes = 32'000;  // of one event, as in the tracer (shm/FORMAT.md)
constexpr std::size_t kMostWaiting = 4096;  // texts
constexpr std::size_t kRingBytes = 16 * shm::kBlockBytes;

// Bytes of an incomplete character at the end of `text`: 0 to 3.
std::size_t BegunCharacter(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

std::string ProcessRecord(const std::string& detail) {
  std::string record;
  shm::CborWriter out(&record);
  out.MapHeader(5);
  out.Text("command");
  out.ArrayHeader(2);
  out.Text("smiley-run");
  out.Text("--capture-fd");
  out.Text("start_mono_ns");
  out.Unsigned(shm::MonotonicNs());
  out.Text("parent_token");
  out.Unsigned(0);
  out.Text("detail");
  out.Text(detail);
  out.Text("kind");
  out.Text("capture");
  out.Finish();
  return record;
}

}  // namespace

CaptureRecord::CaptureRecord(const shm::Home& home, const std::string& run, std::int64_t wall_minus_mono_ns,
                             const RunOptions& options, std::vector<std::string> secrets, const shm::Ledger* ledger)
    : on_full_(options.on_full), detail_(options.detail), secrets_(std::move(secrets)), ledger_(ledger) {
  owner_.home = home;
  owner_.run = run;
  owner_.identity = shm::SelfIdentity();
  owner_.clock = shm::Clock::Detect();
  owner_.wall_minus_mono_ns = wall_minus_mono_ns;
  if (!shm::FillRandom(&owner_.process_token, sizeof owner_.process_token)) owner_.process_token = 0;
  for (Stream& stream : streams_) stream.timeout = options.block_timeout;
}

CaptureRecord::~CaptureRecord() = default;

void CaptureRecord::Add(int stream, std::string_view bytes) {
  Stream& self = streams_[stream - 1];
  const std::uint64_t units = owner_.clock.NowUnits();
  std::string text = std::move(self.rest);
  text += bytes;
  self.rest.assign(text, text.size() - BegunCharacter(text));
  text.resize(text.size() - self.rest.size());
  if (text.empty()) return;
  for (const std::string& secret : secrets_) {
    for (std::size_t at; (at = text.find(secret)) != std::string::npos;) text.replace(at, secret.size(), "***");
  }
  self.waiting.push_back({std::move(text), units});
  if (ledger_->attached() || alone_ || self.waiting.size() > kMostWaiting) RecordWaiting(stream);
}

void CaptureRecord::Flush(int stream) {
  Stream& self = streams_[stream - 1];
  if (!self.rest.empty()) self.waiting.push_back({std::move(self.rest), owner_.clock.NowUnits()});
  self.rest.clear();
  if (ledger_->attached() || alone_) RecordWaiting(stream);
}

void CaptureRecord::Close() {
  alone_ = true;
  for (const int stream : {1, 2}) {
    Flush(stream);
    Stream& self = streams_[stream - 1];
    if (self.writer == nullptr) continue;
    self.writer->Begin(shm::Kind::kThreadEnd, 0, 0, owner_.clock.NowUnits());
    self.writer->Commit();
    self.writer->EndThread();
  }
}

void CaptureRecord::RecordWaiting(int stream) {
  Stream& self = streams_[stream - 1];
  for (const WaitingText& piece : self.waiting) {
    for (std::size_t at = 0; at < piece.bytes.size();) {
      std::string_view part = std::string_view(piece.bytes).substr(at, kMostBytes);
      if (at + part.size() < piece.bytes.size()) part.remove_suffix(BegunCharacter(part));
      RecordText(stream, part, piece.units);
      at += part.size();
    }
  }
  self.waiting.clear();
}

bool CaptureRecord::Open(int stream) {
  Stream& self = streams_[stream - 1];
  if (self.writer != nullptr) return true;
  if (self.failed) return false;
  self.failed = true;
  const shm::MutexLock lock(mutex_);
  if (owner_.process_token == 0) return false;
  if (catalogue_ == nullptr) {
    auto catalogue = shm::CatalogueWriter::Create(owner_, ProcessRecord(detail_));
    if (!catalogue.ok()) return false;
    catalogue_ = std::move(*catalogue);
  }
  shm::SegmentOptions options;
  options.index = threads_;
  options.data_bytes = kRingBytes;
  options.on_full = on_full_;
  auto ring = shm::Segment::Create(owner_, options);
  if (!ring.ok()) {
    catalogue_->CountUnrecorded(1, 0);
    return false;
  }
  ++threads_;
  std::string named;
  shm::CborWriter out(&named);
  out.ArrayHeader(2);
  out.Unsigned(static_cast<std::uint64_t>(syscall(SYS_gettid)));
  out.Text(stream == 1 ? "stdout beside Python" : "stderr beside Python");
  out.Finish();
  if (!catalogue_->Append(shm::RecordType::kThread, threads_, named)) return false;
  shm::RingWriter::Options writing;
  writing.wait = &CaptureRecord::Wait;
  writing.wait_context = &self;
  self.writer = std::make_unique<shm::RingWriter>(std::move(*ring), owner_.clock, writing);
  self.writer->StartThread(threads_, 1);
  self.failed = false;
  return true;
}

void CaptureRecord::RecordText(int stream, std::string_view bytes, std::uint64_t units) {
  Stream& self = streams_[stream - 1];
  const bool fresh = self.writer == nullptr;
  if (!Open(stream)) return;
  if (fresh) {
    self.writer->Begin(shm::Kind::kThreadStart, 0, 0, units);
    self.writer->Commit();
  }
  std::string cbor;
  shm::CborWriter out(&cbor);
  if (daemon::IsUtf8(bytes)) {
    out.Text(bytes);
  } else {
    out.Bytes(bytes);
  }
  out.Finish();
  self.writer->Begin(stream == 1 ? shm::Kind::kStdout : shm::Kind::kStderr, 0, 0, units);
  self.writer->Attach(shm::Kind::kText, 0, 0, cbor.data(), cbor.size());
  self.writer->Commit();
}

// Waits for room as the tracer does: as long as the daemon frees room, and after that for the timeout.
bool CaptureRecord::Wait(void* context) {
  Stream& self = *static_cast<Stream*>(context);
  const std::uint64_t now = shm::MonotonicNs(), most = static_cast<std::uint64_t>(self.timeout.count()) * 1'000'000;
  const std::uint64_t freed = self.writer->segment().header().read_pos.load(std::memory_order_acquire);
  if (self.wait_began_ns == 0 || freed != self.wait_seen || now - self.wait_began_ns > 2 * most) {
    self.wait_began_ns = now;
    self.wait_seen = freed;
  }
  if (now - self.wait_began_ns > most) return false;
  poll(nullptr, 0, 1);
  return true;
}

}  // namespace smiley::tools
