// Thread rule: the drainer's thread runs Loop; RunRegistry's functions may be called from any thread.
//
// Takes what traced programs wrote out of their rings and catalogues, shows it to the live feed and the archive's
// tail, and hands it to the pipeline. Follows processes and runs from their beginning to their end.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "daemon/drain/drainer_state.h"
#include "daemon/drain/pipeline.h"
#include "daemon/drain/segment_watcher.h"
#include "daemon/live/live_archive.h"
#include "daemon/live/live_feed.h"
#include "daemon/run/registry.h"
#include "shm/base/home.h"
#include "shm/base/mutex.h"

namespace smiley::daemon {

class Drainer : public RunRegistry {
 public:
  struct Options {
    std::chrono::milliseconds piece_age{1000};  // a growing piece is stored when it is this old
    std::chrono::milliseconds longest_nap{50};
    std::chrono::milliseconds watched_nap{20};  // longest nap while anyone watches
    std::size_t pipeline_bytes = 48u << 20;
    std::function<void(const std::string&)> log;  // one line; called from any thread
  };
  static Result<std::unique_ptr<Drainer>> Start(const shm::Home& home, Store& store, LiveArchive& archive,
                                                LiveFeed& feed, Options options);
  // Drains and stores what is there, then stops. Living programs' segments are left for the next daemon.
  ~Drainer() override;
  void Stop();

  Status Begin(const BeginRun& begin) override;
  Status Finish(const std::string& run, std::optional<int> exit_code, std::optional<int> signal) override;
  Status Dump(const std::string& run) override;
  void WhenDrained(const std::string& run, std::chrono::milliseconds timeout,
                   std::function<void(Drained)> done) override;
  Drained WaitDrained(const std::string& run, std::chrono::milliseconds timeout) override;
  Status Delete(const std::string& run) override;
  DaemonStatus Snapshot() override;
  // Events of all runs so far. Any thread.
  std::uint64_t drained() const { return drained_.load(std::memory_order_relaxed); }

 private:
  Drainer(const shm::Home& home, Store& store, LiveArchive& archive, LiveFeed& feed, Options options);
  void Loop();
  void Wake();
  void Post(std::function<void()> command);
  void Nap();
  bool Idle() const;
  void Pass();
  void Log(const std::string& line) const;

  // drainer_segments.cc: segments, processes
  void Look(bool force);
  void Attach(const shm::Segment::Found& found);
  ProcessState* ProcessOf(const shm::Segment& segment);
  void Resume(ProcessState* process);
  void Restore(RunProgress* run);
  RunProgress* RunOf(const std::string& id);
  void CheckDeaths();
  void WatchProcess(ProcessState* process);
  void WatchLauncher(RunProgress* run);
  // A descriptor in the epoll that becomes readable at the process's death; -1: dead already, or not to be had.
  int OpenProcess(const shm::ProcessIdentity& identity);
  void Number(ProcessState* process);
  bool FinishProcess(ProcessState* process);
  void RemoveProcess(ProcessState* process);
  void RemoveClosedRings(ProcessState* process);

  // drainer_catalogue.cc
  void DrainCatalogue(ProcessState* process);
  void TakeRecord(ProcessState* process, const shm::CatalogueReader::Record& record);
  void TakeProcessRecord(ProcessState* process, std::string_view payload);
  void TakeSource(ProcessState* process, std::uint32_t id, std::string_view payload);
  void TakeThread(ProcessState* process, std::uint32_t id, std::string_view payload);
  std::string TakeTask(ProcessState* process, std::uint32_t id, std::string_view payload);
  void TakeNote(ProcessState* process, std::string_view payload);
  ThreadState* ThreadOf(ProcessState* process, std::uint32_t local);
  void AddNote(const std::string& run, const std::string& kind, const std::string& text);

  // drainer_ring.cc: ring words to pieces
  // False: blocks are left (limit, or no room in the pipeline).
  bool DrainRing(ProcessState* process, RingState* ring, std::size_t max_blocks);
  void DrainBefore(ProcessState* process, RingState* before, RingState* ring);
  void TakePart(ProcessState* process, RingState* ring, shm::BlockPart part);
  bool EnterBlock(ProcessState* process, RingState* ring, const shm::BlockPart& part);
  void Rewalk(ProcessState* process, RingState* ring, std::uint64_t cursor);
  void AddPart(ProcessState* process, RingState* ring, Piece piece);
  void AddLoss(ProcessState* process, ThreadState* thread, const shm::BlockHeader& state, const TimeBase& time,
               std::uint64_t count, std::uint64_t first_units, std::uint64_t last_units, bool damaged);
  void NoteUncaught(ProcessState* process, RingState* ring, std::string_view exception, std::uint32_t code);
  void ClosePiece(RingState* ring);
  void QueueCursor(RingState* ring, std::uint64_t position);
  void TakePendingLoss(ProcessState* process, RingState* ring);
  double NsPerUnit(const shm::SegmentHeader& header);

  // drainer_runs.cc: ends of runs, waiters, batches
  std::uint64_t PushBatch();
  void Progress();
  void LetGoOfThreads(ProcessState* process, std::uint64_t stored);
  void CheckRuns();
  void EndRun(RunProgress* run);
  void ReadNotes(const std::string& run);
  std::filesystem::path NotesPath(const std::string& run) const;
  void CheckWaiters();
  void ReadSpool();
  void UpdateRates();
  DaemonStatus MakeStatus();

  const shm::Home home_;
  Store& store_;
  LiveArchive& archive_;
  LiveFeed& feed_;
  const Options options_;
  std::unique_ptr<SegmentWatcher> watcher_;
  std::unique_ptr<Pipeline> pipeline_;
  int epoll_ = -1, wake_fd_ = -1;
  std::thread thread_;

  shm::Mutex mutex_;
  std::vector<std::function<void()>> commands_ SMILEY_GUARDED_BY(mutex_);
  std::atomic<bool> stopping_{false};
  std::atomic<bool> commanded_{false}, progressed_{false};
  std::atomic<std::uint64_t> drained_{0};

  // The drainer's own from here on.
  std::map<std::uint64_t, std::unique_ptr<ProcessState>> processes_;  // by token
  std::map<std::string, std::unique_ptr<RunProgress>> runs_;
  std::vector<Waiter> waiters_;
  // Files of the spool folder that may go when the batch is stored.
  std::vector<std::pair<std::uint64_t, std::vector<std::filesystem::path>>> spooled_;
  std::vector<shm::Segment::Found> busy_;  // their owners were still making them
  std::set<std::string> refused_;          // reported once
  Batch batch_;                            // grows during a pass
  std::vector<std::pair<RingState*, std::uint64_t>> batch_frees_;
  std::size_t batch_bytes_ = 0;
  std::uint64_t looks_ = 0;
  bool look_now_ = true;
  static constexpr std::chrono::microseconds kFirstNap{5000};  // when a thread begins: how fast it writes will show
  std::chrono::microseconds nap_ = kFirstNap;
  SteadyTime passed_at_{};
  double fullest_ = 0;
  bool any_data_ = false;
  SteadyTime rates_at_{}, deaths_at_{};
  bool check_deaths_ = false;
  std::uint64_t pushed_ = 0;  // number of the latest batch
  std::int64_t started_ns_ = 0;
  std::uint64_t tsc_from_ = 0, mono_from_ns_ = 0;
};

}  // namespace smiley::daemon
