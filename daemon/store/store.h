// Thread rule: every function may be called from any thread. Writers (Commit, DeleteRun) take turns; readers never
// wait for them.
//
// Runs, chunks and cursors on disk. Keys, records and versions: daemon/store/STORE.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/run/archive.h"
#include "daemon/run/piece.h"
#include "shm/base/status.h"
#include "shm/format.h"

namespace smiley::daemon {

// How far one segment is stored. The batch that holds the covered words or records also holds their cursor, so they
// are stored exactly once.
struct SegmentCursor {
  std::string segment;         // its name
  std::uint64_t position = 0;  // ring: word position; catalogue: byte position
};
// Changes that are committed together, atomically. The store itself counts events, lost, bytes, exceptions, processes
// and threads, and ignores these fields (and `pinned`) of `runs` and `threads`.
struct Batch {
  std::vector<PiecePtr> pieces;
  std::vector<CatalogueEntry> catalogue;
  std::vector<SegmentCursor> cursors;
  std::vector<std::string> forget_cursors;                     // names of segments that were removed
  std::vector<RunInfo> runs;                                   // inserted or replaced
  std::vector<std::pair<std::string, ProcessInfo>> processes;  // run id, info
  std::vector<std::pair<std::string, ThreadInfo>> threads;
  std::vector<std::pair<std::string, SourceInfo>> sources;
  std::vector<std::pair<std::string, TaskInfo>> tasks;
  // Called with the arrival number of the first piece, before anything is written. May be empty.
  std::function<void(std::uint64_t)> before_write;
};

// Reads the stored pieces of one thread, also those that are committed while it reads.
class StoredCursor : public PieceCursor {
 public:
  // Arrival number of the piece that Next returned last; 0 = none yet.
  virtual std::uint64_t arrival() const = 0;
  // From here on Next returns no piece with a later arrival number.
  virtual void Limit(std::uint64_t arrival) = 0;
};

class Store {
 public:
  struct Options {
    std::filesystem::path dir;
    bool read_only = false;
    std::uint64_t reserve_bytes = 64u << 20;  // free space that writes must leave, else kNoSpace; 0 = any
  };
  // Opens the store, or, unless it is read-only, creates it. kVersion: a newer smiley wrote it; kBusy: another
  // process has it open for writing; kNotFound: read-only, and there is none; kDamaged; kNoSpace; kPermission.
  static Result<std::unique_ptr<Store>> Open(const Options& options);
  virtual ~Store() = default;

  virtual Status Commit(const Batch& batch) = 0;         // in the log when it returns: survives SIGKILL
  virtual Status SyncLog() = 0;                          // called once a second: bounds the loss by a power cut
  virtual Status DeleteRun(const std::string& run) = 0;  // readers lose it at once; its disk space is freed later
  // Only people delete a pinned run: the quota does not. kNotFound.
  virtual Status SetPinned(const std::string& run, bool pinned) = 0;
  // Frees the disk space of deleted runs and writes memory to tables, so that DiskBytes() is the size of the runs.
  // May take seconds; returns early when the store is closed.
  virtual Status Tidy() = 0;
  virtual std::optional<std::uint64_t> CursorOf(const std::string& segment) = 0;
  virtual std::vector<SegmentCursor> Cursors() = 0;
  virtual std::uint64_t DiskBytes() = 0;
  virtual const std::filesystem::path& dir() const = 0;

  // Derived data of a run (snapshots, statistics), which can be computed from its chunks again. The caller chooses
  // the keys. DeleteRun removes it with the run.
  virtual Status PutDerived(const std::string& run, const std::vector<DerivedItem>& items) = 0;
  virtual Status ClearDerived(const std::string& run) = 0;

  // Why writing fails at present (disk full, store broken), one line; empty = it does not.
  virtual std::string Problem() = 0;
  virtual std::uint64_t FreeBytes() = 0;

  // The stored runs, without those that are being imported.
  virtual Archive& archive() = 0;
  virtual Result<std::unique_ptr<StoredCursor>> OpenStored(const std::string& run, std::uint32_t thread,
                                                           std::uint64_t from_seq) = 0;
  // Checks one run, or all: for each thread produced = stored + lost and numbers without gap or repeat; every chunk
  // decodes; every id resolves. `report` gets one line for each finding; ok() when there is none.
  virtual Status Check(const std::optional<std::string>& run, std::vector<std::string>* report) = 0;
};

}  // namespace smiley::daemon
