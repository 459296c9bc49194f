// Thread rule: every function may be called from any thread; writers (Commit, DeleteRun) take turns, readers never
// wait for them. RocksDB is included by store*.cc only.
//
// Runs, chunks and cursors on disk. Schema, keys and versions: daemon/store/STORE.md.
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

// How far one segment is stored. Written in the same batch as what it covers: exactly once.
struct SegmentCursor {
  std::string segment;         // its name
  std::uint64_t position = 0;  // ring: word position; catalogue: byte position
};
// What is committed together, atomically. Counts are the store's own: it adds up events, lost, bytes, exceptions,
// processes and threads from what it is given, and ignores those fields (and `pinned`) of `runs` and `threads`.
struct Batch {
  std::vector<PiecePtr> pieces;
  std::vector<CatalogueEntry> catalogue;
  std::vector<SegmentCursor> cursors;
  std::vector<std::string> forget_cursors;                     // segments that were removed
  std::vector<RunInfo> runs;                                   // written whole (insert or replace)
  std::vector<std::pair<std::string, ProcessInfo>> processes;  // run id, info
  std::vector<std::pair<std::string, ThreadInfo>> threads;
  std::vector<std::pair<std::string, SourceInfo>> sources;
  std::vector<std::pair<std::string, TaskInfo>> tasks;
  // Called (may be empty) when the arrival numbers of `pieces` are fixed and nothing is written yet: the first
  // number.
  std::function<void(std::uint64_t)> before_write;
};

// Reads one thread's stored pieces; sees what is committed while it reads.
class StoredCursor : public PieceCursor {
 public:
  // Arrival number of the piece that Next gave last, 0 = none yet.
  virtual std::uint64_t arrival() const = 0;
  // From here on Next gives nothing that arrived after `arrival`.
  virtual void Limit(std::uint64_t arrival) = 0;
};

class Store {
 public:
  struct Options {
    std::filesystem::path dir;
    bool read_only = false;
    std::uint64_t reserve_bytes = 64u << 20;  // free space below which nothing is written (kNoSpace); 0 = no guard
  };
  // kVersion: written by a newer smiley; kBusy: another process has it open; kDamaged; kNoSpace; kPermission.
  static Result<std::unique_ptr<Store>> Open(const Options& options);
  virtual ~Store() = default;

  virtual Status Commit(const Batch& batch) = 0;         // in the log when it returns (survives SIGKILL)
  virtual Status SyncLog() = 0;                          // once a second: bounds what a power cut takes
  virtual Status DeleteRun(const std::string& run) = 0;  // gone for readers at once, disk freed in the background
  // A pinned run is for nobody but people to delete. kNotFound.
  virtual Status SetPinned(const std::string& run, bool pinned) = 0;
  // Waits until the disk space of deleted runs has been given back and what is in memory stands in tables, so that
  // DiskBytes() is what the runs take. May take seconds; the end of the store ends it.
  virtual Status Tidy() = 0;
  virtual std::optional<std::uint64_t> CursorOf(const std::string& segment) = 0;
  virtual std::vector<SegmentCursor> Cursors() = 0;
  virtual std::uint64_t DiskBytes() = 0;
  virtual const std::filesystem::path& dir() const = 0;

  // Derived data of a run (snapshots): keys are the caller's, it goes with the run, and can be made again from the
  // chunks.
  virtual Status PutDerived(const std::string& run, const std::vector<DerivedItem>& items) = 0;
  virtual Status ClearDerived(const std::string& run) = 0;

  // What is wrong with writing at the moment (disk full, store broken), one line; empty = nothing.
  virtual std::string Problem() = 0;
  virtual std::uint64_t FreeBytes() = 0;

  // Reading. Archive over what is stored; runs that are being imported are not shown.
  virtual Archive& archive() = 0;
  virtual Result<std::unique_ptr<StoredCursor>> OpenStored(const std::string& run, std::uint32_t thread,
                                                           std::uint64_t from_seq) = 0;
  // The store's identity check: produced = stored + lost for each thread, sequence numbers without gap or repeat,
  // every chunk decodes, every id resolves. `report` gets one line per finding; ok() when there is none.
  virtual Status Check(const std::optional<std::string>& run, std::vector<std::string>* report) = 0;
};

}  // namespace smiley::daemon
