#include "daemon/exchange/import.h"

#include <algorithm>
#include <utility>

#include "daemon/exchange/export.h"
#include "daemon/exchange/import_format.h"
#include "daemon/exchange/smiley_frames.h"
#include "daemon/store/chunk.h"

namespace smiley::daemon {
namespace {

// The stream must give the run's id within this many bytes. A run with a longer command line cannot be imported.
constexpr std::size_t kMaxHead = 16u << 20;

// Compares a stream byte by byte with the export of the run in this store.
class SameBytes : public ImportFormat {
 public:
  SameBytes(std::unique_ptr<Producer> mine, RunInfo run) : mine_(std::move(mine)), run_(std::move(run)) {}

  Status Feed(std::string_view bytes) override {
    while (!bytes.empty()) {
      if (at_ == expected_.size()) {
        if (Status status = Refill(); !status) return status;
        if (at_ == expected_.size()) return RefuseDifferent();
      }
      const std::size_t count = std::min(bytes.size(), expected_.size() - at_);
      if (std::string_view(expected_).substr(at_, count) != bytes.substr(0, count)) return RefuseDifferent();
      at_ += count;
      bytes.remove_prefix(count);
    }
    return Status::Ok();
  }

  Result<RunInfo> Finish() override {
    if (at_ == expected_.size()) {
      if (Status status = Refill(); !status) return status;
    }
    if (at_ != expected_.size()) {
      return Status(Code::kDamaged,
                    "the export is damaged: it ends too early (run " + run_.id + " is here already, whole)");
    }
    return run_;
  }

 protected:
  Status RefuseDifferent() const {
    return Status(Code::kInvalid, "another run " + run_.id + " is here already, with other contents (smiley-delete " +
                                      run_.id + " makes room)");
  }
  // Refills expected_, which is empty at the end.
  Status Refill() {
    expected_.clear();
    at_ = 0;
    while (expected_.empty() && !done_) {
      auto next = mine_->Step(&expected_);
      if (!next) return next.status();
      done_ = *next == Producer::Next::kDone;
    }
    return Status::Ok();
  }

  std::unique_ptr<Producer> mine_;
  const RunInfo run_;
  std::string expected_;
  std::size_t at_ = 0;
  bool done_ = false;
};

// Compares frames. Chunks are equal when their words are equal, whatever their compression.
class SameFrames : public SameBytes {
 public:
  using SameBytes::SameBytes;

  Status Feed(std::string_view bytes) override {
    theirs_.Feed(bytes);
    FrameReader::Frame frame, expected;
    for (;;) {
      auto step = theirs_.Next(&frame);
      if (!step) return step.status();
      if (*step == FrameReader::Step::kNeedMore) return Status::Ok();
      for (;;) {
        auto mine = ours_.Next(&expected);
        if (!mine) return mine.status();
        if (*mine == FrameReader::Step::kFrame) break;
        if (Status status = Refill(); !status) return status;
        if (expected_.empty()) return RefuseDifferent();
        ours_.Feed(expected_);
      }
      if (frame.type != expected.type) return RefuseDifferent();
      if (frame.type == FrameType::kEnd) continue;  // its contents follow from the other frames
      if (frame.payload == expected.payload) continue;
      if (frame.type != FrameType::kChunk) return RefuseDifferent();
      Piece a, b;
      if (Status status = DecodeChunk(frame.payload, 0, &a); !status) return status;
      if (Status status = DecodeChunk(expected.payload, 0, &b); !status) return status;
      if (EncodeChunk(a, 0) != EncodeChunk(b, 0)) return RefuseDifferent();
    }
  }

  Result<RunInfo> Finish() override {
    if (Status status = theirs_.Finish(); !status) return status;
    return run_;
  }

 private:
  FrameReader theirs_, ours_;
};

}  // namespace

struct Importer::State {
  State(Archive& archive_in, Store& store_in, std::filesystem::path spool_folder_in)
      : archive(archive_in), store(store_in), spool_folder(std::move(spool_folder_in)) {}
  Status Choose(bool last);

  Archive& archive;
  Store& store;
  const std::filesystem::path spool_folder;
  std::string head;  // until the format and the run are known
  std::unique_ptr<ImportFormat> format;
  bool already = false;
};

// Chooses the format from the first bytes. `last`: no more bytes come.
Status Importer::State::Choose(bool last) {
  if (head.empty()) {
    return last ? Status(Code::kForeign, "there is nothing to import: the input is empty") : Status::Ok();
  }
  const std::optional<bool> chrome = PeekChrome(head);
  if (!chrome && !last) return Status::Ok();
  if (chrome.value_or(false)) {
    format = MakeChromeImport(archive, store, spool_folder);
    const std::string bytes = std::move(head);
    head.clear();
    return format->Feed(bytes);
  }
  const bool json = head[0] == '{';
  auto id = json ? PeekJsonlRun(head) : PeekSmileyRun(head);
  if (!id) return id.status();
  if (!id->has_value()) {
    if (last) {
      return json ? Status(Code::kForeign, "this is not an export of smiley")
                  : Status(Code::kDamaged, "the export is damaged: it ends too early (was it cut off?)");
    }
    if (head.size() > kMaxHead) return Status(Code::kForeign, "this is not an export of smiley");
    return Status::Ok();
  }
  if (auto run = archive.FindRun(**id)) {
    if (run->state == RunState::kRunning) {
      return Status(Code::kBusy, "run " + run->id + " is being recorded here at this moment");
    }
    auto mine = MakeExport(archive, run->id, json ? "jsonl" : "smiley");
    if (!mine) return mine.status();
    already = true;
    if (json) {
      format = std::make_unique<SameBytes>(std::move(*mine), std::move(*run));
    } else {
      format = std::make_unique<SameFrames>(std::move(*mine), std::move(*run));
    }
  } else {
    format = json ? MakeJsonlImport(archive, store) : MakeSmileyImport(archive, store);
  }
  const std::string bytes = std::move(head);
  head.clear();
  return format->Feed(bytes);
}

Importer::Importer(Archive& archive, Store& store, std::filesystem::path spool_folder)
    : state_(std::make_unique<State>(archive, store, std::move(spool_folder))) {}
Importer::~Importer() = default;

Status Importer::Feed(std::string_view bytes) {
  if (state_->format != nullptr) return state_->format->Feed(bytes);
  state_->head += bytes;
  return state_->Choose(false);
}

Result<Importer::Outcome> Importer::Finish() {
  if (state_->format == nullptr) {
    if (Status status = state_->Choose(true); !status) return status;
  }
  if (state_->format == nullptr) return Status(Code::kForeign, "this is not an export of smiley");
  auto run = state_->format->Finish();
  if (!run) return run.status();
  Outcome outcome;
  outcome.run = std::move(*run);
  outcome.already = state_->already || state_->format->already();
  return outcome;
}

}  // namespace smiley::daemon
