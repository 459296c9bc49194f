// Thread rule: reading functions (Archive) may be called from any thread. What begins with "Drain" belongs to the
// drainer, "Store" to the storing thread.
//
// The store and the in-memory tail as one sequence: pieces that are drained and not stored yet follow those that are,
// and no event is seen twice or missed at the seam. Also the present state of the runs that are going on.
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
  // When somebody asked for derived data last; long ago: nobody yet.
  std::chrono::steady_clock::time_point DerivedAsked() const {
    return derived_asked_.load(std::memory_order_relaxed);
  }

  // ---- runs that are going on
  // False when the run is live already.
  bool DrainBegin(const RunInfo& info);
  // Changes what describes the run (under the lock) and gives it back whole; nullopt: not live.
  std::optional<RunInfo> ChangeRun(const std::string& run, const std::function<void(RunInfo&)>& change);
  bool IsLive(const std::string& run) const;
  std::vector<RunInfo> LiveRuns() const;
  void DrainProcess(const std::string& run, const ProcessInfo& info, std::shared_ptr<const StoredNames> names);
  void DrainThread(const std::string& run, const ThreadInfo& info);  // counts are kept as they stand
  void DrainEnd(const std::string& run);  // all of it is stored: the store alone shows it from now on

  // ---- the tail
  // All of a process that has ended is in the store, or of a thread: what is known of it is read from there, however
  // many of them the run has.
  void ProcessStored(const std::string& run, std::uint32_t process);
  void ThreadStored(const std::string& run, std::uint32_t thread);
  // A part was drained.
  void DrainPart(const PiecePtr& part);
  // The thread's latest `parts` parts are this one piece, which goes to the store.
  void DrainPiece(const PiecePtr& piece, std::size_t parts);
  // Records that travel to the store; shown until StoreDone.
  void DrainRecords(const Batch& batch);
  void StoreArrivals(const std::vector<PiecePtr>& pieces, std::uint64_t first);
  void StoreDone(const Batch& batch);                   // they are in the store now
  void StoreLost(const std::vector<PiecePtr>& pieces);  // they will never be
  std::uint64_t TailBytes() const;
  // How many threads of runs that go on are kept in memory.
  std::size_t ThreadsHeld() const;

 private:
  friend class LiveCursor;
  struct TailPiece {
    PiecePtr piece;
    std::uint64_t arrival = 0;  // 0 = not given to the store yet
  };
  struct Tail {
    std::vector<TailPiece> pieces;  // takes no room while it is empty
    std::uint64_t stored = 0;       // highest arrival that left the tail
  };
  struct LiveRun {
    RunInfo info;
    std::map<std::uint32_t, ProcessInfo> processes;
    std::map<std::uint32_t, std::shared_ptr<const StoredNames>> names;
    std::map<std::uint32_t, ThreadInfo> threads;
    std::map<std::uint32_t, Tail> tails;
    std::uint32_t processes_left = 0, threads_left = 0;  // to the store
    // Records on their way to the store.
    std::deque<CatalogueEntry> catalogue;
    std::deque<SourceInfo> sources;
    std::deque<TaskInfo> tasks;
  };
  RunInfo Shown(const LiveRun& run) const;
  static void Count(const LiveRun& run, RunInfo* info);
  static bool LeaveThread(LiveRun* run, std::uint32_t thread);
  // For a LiveCursor whose stored part ended at arrival `after`: what left the tail by now, and the rest of it.
  std::uint64_t TailAfter(const std::string& run, std::uint32_t thread, std::uint64_t after,
                          std::vector<PiecePtr>* out) const;
  // The pieces of the tail as they are now.
  std::vector<PiecePtr> TailOf(const std::string& run, std::uint32_t thread) const;

  Store& store_;
  std::atomic<std::chrono::steady_clock::time_point> derived_asked_{};
  mutable shm::Mutex mutex_;
  std::map<std::string, LiveRun> live_ SMILEY_GUARDED_BY(mutex_);
  std::uint64_t tail_bytes_ SMILEY_GUARDED_BY(mutex_) = 0;
};

}  // namespace smiley::daemon
