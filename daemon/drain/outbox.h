// Thread rule: belongs to the drainer's thread.
//
// Collects drained pieces and records, together with the cursors that cover them, into a batch, and pushes the batch
// to the pipeline. A cursor and the pieces that it covers are in one batch or the pieces are in an earlier one: that
// is what makes storing exactly once possible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/drain/pipeline.h"
#include "daemon/drain/progress.h"
#include "daemon/live/live_archive.h"
#include "daemon/store/store.h"

namespace smiley::daemon {

class Outbox {
 public:
  // Both outlive it.
  Outbox(LiveArchive& archive, Pipeline& pipeline) : archive_(archive), pipeline_(pipeline) {}

  void AddPiece(PiecePtr piece);
  void AddRecord(CatalogueEntry record);
  void AddRun(RunInfo info) { batch_.runs.push_back(std::move(info)); }
  // What LiveArchive::ChangeRun gave; nullopt (the run is not live) adds nothing.
  void AddRun(std::optional<RunInfo> info) {
    if (info) batch_.runs.push_back(std::move(*info));
  }
  void AddProcess(const std::string& run, const ProcessInfo& info) { batch_.processes.emplace_back(run, info); }
  void AddThread(const std::string& run, const ThreadInfo& info) { batch_.threads.emplace_back(run, info); }
  void AddTask(const std::string& run, TaskInfo info) { batch_.tasks.emplace_back(run, std::move(info)); }
  void AddSource(const std::string& run, SourceInfo info);

  // The ring's words below `position` are in this batch or an earlier one. They may be freed when it is handled.
  void SetCursor(RingProgress* ring, std::uint64_t position);
  // Likewise for the records of a catalogue.
  void SetCursor(CatalogueProgress* catalogue, std::uint64_t position);
  // The segment was removed. REQUIRES that everything in it is stored.
  void ForgetCursor(const std::string& segment) { batch_.forget_cursors.push_back(segment); }
  // The ring is about to be destroyed.
  void ForgetRing(const RingProgress* ring);

  bool empty() const;
  // The batch is large enough to be worth pushing.
  bool IsLarge() const;
  // Pushes the batch unless it is empty. The number of the batch that was pushed last, 0 = none.
  std::uint64_t Push();
  // Pushes, and waits until every batch is handled.
  void Flush() {
    Push();
    pipeline_.Flush();
  }
  std::uint64_t pushed() const { return pushed_; }  // number of the batch that was pushed last, 0 = none
  bool HasRoom() const { return pipeline_.HasRoom(); }

 private:
  LiveArchive& archive_;
  Pipeline& pipeline_;
  Batch batch_;
  std::size_t bytes_ = 0;                                       // of pieces, records and sources, in batch_
  std::vector<std::pair<RingProgress*, std::uint64_t>> frees_;  // positions that may be freed when batch_ is handled
  std::uint64_t pushed_ = 0;
};

}  // namespace smiley::daemon
