// The `smiley` export: a whole run as frames (daemon/exchange/EXPORT.md).
#include <algorithm>
#include <vector>

#include "daemon/exchange/export.h"
#include "daemon/exchange/smiley_frames.h"
#include "daemon/run/piece_scan.h"
#include "daemon/store/chunk.h"

namespace smiley::daemon {
namespace {

class SmileyExport : public Producer {
 public:
  SmileyExport(Archive& archive, std::string id) : archive_(archive), id_(std::move(id)) {}

  Status Open() {
    auto run = archive_.FindRun(id_);
    if (!run) return run.status();
    run_ = std::move(*run);
    // Later events of a running run are not part of this export. Names are read after threads, so that every exported
    // event has its names.
    auto threads = archive_.Threads(id_);
    if (!threads) return threads.status();
    threads_ = std::move(*threads);
    auto processes = archive_.Processes(id_);
    if (!processes) return processes.status();
    processes_ = std::move(*processes);
    return Status::Ok();
  }

  Result<Next> Step(std::string* out) override {
    switch (stage_) {
      case Stage::kHead:
        return StepHead(out);
      case Stage::kSources:
        return StepSources(out);
      case Stage::kCatalogue:
        return StepCatalogue(out);
      case Stage::kChunks:
        return StepChunks(out);
    }
    return Next::kDone;
  }
  std::string EndMembers() const override { return "\"events\":" + std::to_string(totals_.events); }

 private:
  enum class Stage { kHead, kSources, kCatalogue, kChunks };

  Result<Next> StepHead(std::string* out) {
    *out += ExportHeader();
    AppendFrame(out, FrameType::kRun, EncodeRunFrame(run_), &totals_);
    for (const ProcessInfo& process : processes_) {
      AppendFrame(out, FrameType::kProcess, EncodeProcessFrame(process), &totals_);
    }
    for (const ThreadInfo& thread : threads_) {
      AppendFrame(out, FrameType::kThread, EncodeThreadFrame(thread), &totals_);
    }
    auto tasks = archive_.Tasks(id_);
    if (!tasks) return tasks.status();
    for (const TaskInfo& task : *tasks) AppendFrame(out, FrameType::kTask, EncodeTaskFrame(task), &totals_);
    auto sources = archive_.Sources(id_);
    if (!sources) return sources.status();
    sources_ = std::move(*sources);
    stage_ = Stage::kSources;
    return Next::kMore;
  }

  Result<Next> StepSources(std::string* out) {
    StepLimit limit;
    while (at_ < sources_.size()) {
      AppendFrame(out, FrameType::kSource, EncodeSourceFrame(sources_[at_]), &totals_);
      sources_[at_++] = SourceInfo();
      if (limit.Reached(*out)) return Next::kMore;
    }
    sources_.clear();
    at_ = 0;
    stage_ = Stage::kCatalogue;
    return Next::kMore;
  }

  Result<Next> StepCatalogue(std::string* out) {
    StepLimit limit;
    while (process_at_ < processes_.size()) {
      if (!catalogue_read_) {
        auto catalogue = archive_.Catalogue(id_, processes_[process_at_].process);
        if (!catalogue) return catalogue.status();
        catalogue_ = std::move(*catalogue);
        catalogue_read_ = true;
        at_ = 0;
      }
      while (at_ < catalogue_.size()) {
        AppendFrame(out, FrameType::kCatalogue, EncodeCatalogueFrame(catalogue_, &at_), &totals_);
        if (limit.Reached(*out)) return Next::kMore;
      }
      catalogue_read_ = false;
      ++process_at_;
    }
    catalogue_.clear();
    stage_ = Stage::kChunks;
    return Next::kMore;
  }

  Result<Next> StepChunks(std::string* out) {
    StepLimit limit;
    while (thread_at_ < threads_.size()) {
      const ThreadInfo& thread = threads_[thread_at_];
      if (cursor_ == nullptr) {
        auto cursor = archive_.Open(id_, thread.thread, 0);
        if (!cursor) return cursor.status();
        cursor_ = std::move(*cursor);
        next_seq_ = 1;
      }
      auto piece = cursor_->Next();
      if (!piece) {
        if (piece.status().code() == Code::kDamaged) continue;  // the next piece shows the gap, which becomes a loss
        return piece.status();
      }
      const std::uint64_t last_seq = thread.events + thread.lost;
      const bool running = run_.state == RunState::kRunning;
      if (*piece == nullptr || (running && (*piece)->last_seq > last_seq)) {
        cursor_.reset();
        ++thread_at_;
        continue;
      }
      AppendPiece(out, **piece);
      if (limit.Reached(*out)) return Next::kMore;
    }
    AppendFrame(out, FrameType::kEnd, EncodeEndFrame(totals_), &totals_);
    return Next::kDone;
  }

  void AppendPiece(std::string* out, const Piece& piece) {
    const bool counts = piece.events + piece.lost > 0;
    if (counts && piece.first_seq > next_seq_) {
      // The events of chunks that cannot be read are exported as lost.
      const std::uint64_t count = piece.first_seq - next_seq_;
      Piece loss =
          MakeLossPiece(piece.state, piece.time, next_seq_, count, piece.state.base_units, piece.state.base_units);
      loss.process = piece.process;
      loss.thread = piece.thread;
      AppendFrame(out, FrameType::kChunk, EncodeChunk(loss, 0), &totals_);
      totals_.lost += count;
    }
    AppendFrame(out, FrameType::kChunk, EncodeChunk(piece, 0), &totals_);
    totals_.events += piece.events;
    totals_.lost += piece.lost;
    if (counts) next_seq_ = piece.last_seq + 1;
  }

  Archive& archive_;
  const std::string id_;
  RunInfo run_;
  std::vector<ProcessInfo> processes_;
  std::vector<ThreadInfo> threads_;
  std::vector<SourceInfo> sources_;
  std::vector<CatalogueEntry> catalogue_;
  bool catalogue_read_ = false;
  std::size_t at_ = 0, process_at_ = 0, thread_at_ = 0;
  std::unique_ptr<PieceCursor> cursor_;
  std::uint64_t next_seq_ = 1;
  ExportTotals totals_;
  Stage stage_ = Stage::kHead;
};

}  // namespace

Result<std::unique_ptr<Producer>> MakeSmileyExport(Archive& archive, const std::string& run) {
  auto producer = std::make_unique<SmileyExport>(archive, run);
  if (Status status = producer->Open(); !status) return status;
  return std::unique_ptr<Producer>(std::move(producer));
}

}  // namespace smiley::daemon
