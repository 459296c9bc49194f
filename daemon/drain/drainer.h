// Thread rule: the drainer's thread runs Loop and everything that it calls. RunRegistry's functions may be called
// from any thread; they post what belongs to the drainer's thread.
//
// Takes what traced programs wrote out of their rings and catalogues, shows it to the live feed and the archive's
// tail, and hands it to the pipeline. This class runs the passes; the work is done by the classes that it owns:
//
//   SegmentWatcher → SegmentSet → CatalogueDrain, RingDrain → Outbox → Pipeline → the store
//                    RunBook: the runs;  Waiters, Spool: those who ask for a run's end, and those who report it late
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/drain/agenda.h"
#include "daemon/drain/catalogue_drain.h"
#include "daemon/drain/outbox.h"
#include "daemon/drain/pipeline.h"
#include "daemon/drain/ring_drain.h"
#include "daemon/drain/run_book.h"
#include "daemon/drain/segment_set.h"
#include "daemon/drain/segment_watcher.h"
#include "daemon/drain/spool.h"
#include "daemon/drain/waiters.h"
#include "daemon/drain/wake_set.h"
#include "daemon/live/live_archive.h"
#include "daemon/live/live_feed.h"
#include "daemon/run/registry.h"
#include "shm/base/home.h"
#include "shm/base/mutex.h"

namespace smiley::daemon {

class Drainer : public RunRegistry {
 public:
  struct Options {
    std::chrono::milliseconds piece_age{1000};    // a growing piece is stored when it is this old
    std::chrono::milliseconds longest_nap{50};    // between two passes
    std::chrono::milliseconds watched_nap{20};    // likewise, while a client watches a run live
    std::size_t pipeline_bytes = 48u << 20;       // Pipeline::Options::budget_bytes
    std::function<void(const std::string&)> log;  // takes one line; called from any thread; may be empty
  };
  // The references outlive the drainer.
  static Result<std::unique_ptr<Drainer>> Start(const shm::Home& home, Store& store, LiveArchive& archive,
                                                LiveFeed& feed, Options options);
  ~Drainer() override;
  // Drains and stores the words that are in the rings, then ends the thread. Segments of living programs stay for the
  // next daemon.
  void Stop();

  Status Begin(const BeginRun& begin) override;
  Status Finish(const std::string& run, std::optional<int> exit_code, std::optional<int> signal) override;
  Status Dump(const std::string& run) override;
  void WhenDrained(const std::string& run, std::chrono::milliseconds timeout,
                   std::function<void(Drained)> done) override;
  Drained WaitDrained(const std::string& run, std::chrono::milliseconds timeout) override;
  Status Delete(const std::string& run) override;
  DaemonStatus ReadStatus() override;
  // Events of all runs so far. Any thread.
  std::uint64_t drained() const { return rings_.drained(); }

 private:
  Drainer(const shm::Home& home, Store& store, LiveArchive& archive, LiveFeed& feed, Options options,
          std::unique_ptr<SegmentWatcher> watcher, std::unique_ptr<WakeSet> wakes);
  Pipeline::Options PipelineOptions();
  void TakeOver();
  void Loop();
  void Post(std::function<void()> command);
  void RunCommands();
  void Nap();
  bool Idle() const;
  void Pass();
  void LookForSegments(SteadyTime now);
  void DrainProcesses(SteadyTime now);
  bool DrainRings(ProcessProgress* process, SteadyTime now);
  void TakeProgress();
  void StoreAll();
  void Log(const std::string& line) const;

  const shm::Home home_;
  Store& store_;
  LiveArchive& archive_;
  LiveFeed& feed_;
  const Options options_;
  const std::int64_t started_ns_;  // since the epoch

  shm::Mutex mutex_;
  std::vector<std::function<void()>> commands_ SMILEY_GUARDED_BY(mutex_);
  std::atomic<bool> stopping_{false};
  std::atomic<bool> commanded_{false};   // commands_ has something
  std::atomic<bool> progressed_{false};  // the pipeline's counters have moved

  // From here on everything belongs to the drainer's thread.
  const std::unique_ptr<SegmentWatcher> watcher_;
  const std::unique_ptr<WakeSet> wakes_;
  Agenda agenda_;
  Pipeline pipeline_;
  Outbox outbox_;
  RunBook runs_;
  CatalogueDrain catalogues_;
  RingDrain rings_;
  SegmentSet segments_;
  Waiters waiters_;
  Spool spool_;
  SteadyTime deaths_checked_at_{};
  std::thread thread_;
};

}  // namespace smiley::daemon
