// Thread rule: an ImportSink is used by one thread at a time.
//
// Stores an imported run in batches under RunState::kImporting, and makes it visible at the end. It checks the rules
// of every format: numbers refer to things that exist, and sequence numbers have no gap and no repeat.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "daemon/run/archive.h"
#include "daemon/run/piece.h"
#include "daemon/store/store.h"
#include "shm/base/status.h"

namespace smiley::daemon {

class ImportSink {
 public:
  // Both outlive the sink.
  ImportSink(Archive& archive, Store& store) : archive_(archive), store_(store) {}
  // Removes the run from the store unless Finish() has succeeded.
  ~ImportSink();
  ImportSink(const ImportSink&) = delete;
  ImportSink& operator=(const ImportSink&) = delete;

  // kBusy: another import of this run is active. REQUIRES that the archive has no run with this id.
  Status Begin(const RunInfo& run);
  Status AddProcess(ProcessInfo process);
  Status AddThread(ThreadInfo thread);
  Status AddTask(TaskInfo task);
  Status AddSource(SourceInfo source);
  Status AddCatalogue(CatalogueEntry entry);
  // Adds a piece and computes its summary from its words. Words and state may be hostile. kDamaged: the words cannot
  // be read, the thread is unknown, or its events are missing or repeated.
  Status AddPiece(Piece piece);
  // Sets the members that a format gives only at the end of the stream: end, exit code, signal, completeness.
  void SetEnd(const RunInfo& end);
  const RunInfo& run() const { return run_; }
  std::uint64_t events() const { return events_; }
  std::uint64_t lost() const { return lost_; }
  Result<RunInfo> Finish();

 private:
  Status Flush(bool last);
  struct Thread {
    std::uint32_t process = 0;
    std::uint64_t next_seq = 1;
    std::int64_t last_ns = INT64_MIN;
  };
  Archive& archive_;
  Store& store_;
  RunInfo run_;
  Batch batch_;
  std::size_t batch_bytes_ = 0;
  std::set<std::uint32_t> processes_;
  std::map<std::uint32_t, Thread> threads_;
  std::set<std::uint32_t> sources_;
  std::uint64_t events_ = 0, lost_ = 0;
  bool registered_ = false, written_ = false, finished_ = false;
};

}  // namespace smiley::daemon
