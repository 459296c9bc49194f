// Thread rule: the functions of Archive may be called from any thread. Functions that begin with "Drain" belong to
// the drainer, those that begin with "Store" to the storing thread.
//
// The store and the tail in memory as one sequence. Pieces that are drained and not yet stored follow the stored
// ones; no event is missing or repeated at the seam. It also keeps the present state of the running runs.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/run/archive.h"
#include "daemon/run/names.h"
#include "daemon/store/store.h"
#include "shm/base/mutex.h"

namespace smiley::daemon {

class LiveArchive : public Archive {
 public:
  explicit LiveArchive(Store& store) : store_(store) {}

  std::vector<RunInfo> Runs() override;
  Result<RunInfo> FindRun(const std::string& id) override;
  Result<std::vector<ProcessInfo>> Processes(const std::string& run) override;
  Result<std::vector<ThreadInfo>> Threads(const std::string& run) override;
  Result<ThreadInfo> FindThread(const std::string& run, std::uint32_t thread) override;
  Result<std::vector<TaskInfo>> Tasks(const std::string& run) override;
  Result<std::vector<SourceInfo>> Sources(const std::string& run) override;
  Result<std::shared_ptr<const Names>> NamesOf(const std::string& run, std::uint32_t process) override;
  Result<std::vector<CatalogueEntry>> Catalogue(const std::string& run, std::uint32_t process) override;
  Result<std::unique_ptr<PieceCursor>> Open(const std::string& run, std::uint32_t thread,
                                            std::uint64_t from_seq) override;
  Result<std::vector<PieceEntry>> Index(const std::string& run, std::uint32_t thread, std::uint64_t from_seq,
                                        std::size_t limit) override;
  Result<std::vector<PieceEntry>> IndexBefore(const std::string& run, std::uint32_t thread, std::uint64_t seq,
                                              std::size_t limit) override;
  Result<PiecePtr> ReadPiece(const std::string& run, const PieceEntry& entry) override;
  Result<std::optional<DerivedItem>> LastDerived(const std::string& run, const std::string& from,
                                                 const std::string& to) override {
    derived_asked_.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);
    return store_.archive().LastDerived(run, from, to);
  }
  // The time at which somebody last read derived data; the clock's epoch: nobody has.
  std::chrono::steady_clock::time_point DerivedAsked() const {
    return derived_asked_.load(std::memory_order_relaxed);
  }

  // ---- running runs
  // False: the run is live already.
  bool DrainBegin(const RunInfo& info);
  // Calls `change` under the lock and returns a copy of the changed description; nullopt: the run is not live.
  std::optional<RunInfo> ChangeRun(const std::string& run, const std::function<void(RunInfo&)>& change);
  bool IsLive(const std::string& run) const;
  std::vector<RunInfo> LiveRuns() const;
  void DrainProcess(const std::string& run, const ProcessInfo& info, std::shared_ptr<const StoredNames> names);
  void DrainThread(const std::string& run, const ThreadInfo& info);  // keeps the counts that the archive has
  // The store alone answers from now on. REQUIRES that all of the run is stored.
  void DrainEnd(const std::string& run);

  // ---- the tail
  // A process or thread has ended and all of it is stored: the archive drops it from memory and reads it from the
  // store.
  void ProcessStored(const std::string& run, std::uint32_t process);
  void ThreadStored(const std::string& run, std::uint32_t thread);
  // Adds a part that was drained.
  void DrainPart(const PiecePtr& part);
  // Replaces the thread's latest `parts` parts by the one piece that goes to the store.
  void DrainPiece(const PiecePtr& piece, std::size_t parts);
  // Adds records on their way to the store; they are shown until StoreDone.
  void DrainRecords(const Batch& batch);
  void StoreArrivals(const std::vector<PiecePtr>& pieces, std::uint64_t first);
  void StoreDone(const Batch& batch);                   // the batch is stored
  void StoreLost(const std::vector<PiecePtr>& pieces);  // the pieces could not be stored
  std::uint64_t TailBytes() const;
  // The number of threads of running runs that are kept in memory.
  std::size_t ThreadsHeld() const;

 private:
  friend class LiveCursor;
  struct TailPiece {
    PiecePtr piece;
    std::uint64_t arrival = 0;  // number in the store; 0 = not given to the store
  };
  struct Tail {
    std::vector<TailPiece> pieces;  // allocates nothing while it is empty
    std::uint64_t stored = 0;       // the highest arrival that left the tail
  };
  struct LiveRun {
    RunInfo info;
    std::map<std::uint32_t, ProcessInfo> processes;
    std::map<std::uint32_t, std::shared_ptr<const StoredNames>> names;
    std::map<std::uint32_t, ThreadInfo> threads;
    std::map<std::uint32_t, Tail> tails;
    std::uint32_t processes_left = 0, threads_left = 0;  // how many were dropped from memory
    // Records on their way to the store.
    std::deque<CatalogueEntry> catalogue;
    std::deque<SourceInfo> sources;
    std::deque<TaskInfo> tasks;
  };
  RunInfo WithCounts(const LiveRun& run) const;
  static void Count(const LiveRun& run, RunInfo* info);
  static bool LeaveThread(LiveRun* run, std::uint32_t thread);
  // For a LiveCursor that has read stored pieces up to arrival `after`. Returns the highest arrival that left the
  // tail, and appends the pieces of the tail behind `after`.
  std::uint64_t TailAfter(const std::string& run, std::uint32_t thread, std::uint64_t after,
                          std::vector<PiecePtr>* out) const;
  // The pieces that are in the tail now.
  std::vector<PiecePtr> TailOf(const std::string& run, std::uint32_t thread) const;

  Store& store_;
  std::atomic<std::chrono::steady_clock::time_point> derived_asked_{};
  mutable shm::Mutex mutex_;
  std::map<std::string, LiveRun> live_ SMILEY_GUARDED_BY(mutex_);
  std::uint64_t tail_bytes_ SMILEY_GUARDED_BY(mutex_) = 0;
};

}  // namespace smiley::daemon
