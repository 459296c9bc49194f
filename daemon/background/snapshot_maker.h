// Thread rule: a SnapshotMaker belongs to one thread at a time; a SnapshotKeeper's Start and end to one thread.
//
// Makes snapshots of the threads of stored runs: from time to time where a thread stands, so that the state at any
// event is found by reading a few chunks. Derived data: made behind the program's back, and made again on request.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "daemon/background/pace.h"
#include "daemon/events/decoder.h"
#include "daemon/events/snapshot.h"
#include "daemon/run/archive.h"
#include "daemon/store/store.h"
#include "shm/base/mutex.h"

namespace smiley::daemon {

struct SnapshotOptions {
  std::uint64_t least_events =
      50'000;                      // threads with fewer are read from their beginning: nothing is stored for them
  std::uint64_t pieces = 8;        // at least so many between two snapshots, ...
  std::uint64_t one_part_of = 10;  // ... and all of them together at most one part in so many of the chunks' bytes
};

// One run, from where its snapshots end to what is stored now.
class SnapshotMaker {
 public:
  // One maker a run at a time. `anew`: what is there is removed first, and who else makes snapshots of the run gives
  // way.
  SnapshotMaker(Store& store, std::string run, SnapshotOptions options = {}, bool anew = false)
      : store_(store), run_(std::move(run)), options_(options), anew_(anew) {}
  ~SnapshotMaker();
  // Works for about Producer::kStepTime; true: done. kBusy: another makes them.
  Result<bool> Step();
  std::uint64_t snapshots() const { return snapshots_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t pieces() const { return pieces_; }

 private:
  struct Thread {
    ThreadInfo info;
    std::unique_ptr<Decoder> decoder;
    std::vector<PieceEntry> entries;  // to read, the next one last
    std::uint64_t next_first = 1;     // first seq of what is loaded next
    std::uint64_t last_arrival = 0;
    bool loaded_all = false;
    std::uint64_t pieces_since = 0, last_bytes = 0;
    bool fresh = true;  // nothing was read yet
    SnapshotProgress progress;
  };
  Result<bool> Begin();
  Status Open(Thread* thread);
  Status Load(Thread* thread);
  Status Take(Thread* thread);
  Store& store_;
  const std::string run_;
  const SnapshotOptions options_;
  const bool anew_;
  bool claimed_ = false;
  std::vector<ThreadInfo> threads_;
  std::size_t next_thread_ = 0;
  bool opened_ = false;
  std::unique_ptr<Thread> at_;
  std::uint64_t snapshots_ = 0, bytes_ = 0, pieces_ = 0;
};

// A thread that makes the snapshots of all runs, and the statistics of those that have ended (stored_stats.h), with a
// low claim on the processor, and a lower one while programs are recorded (background_pace.h).
class SnapshotKeeper {
 public:
  struct Watch {
    std::function<std::uint64_t()> recorded;                   // events drained so far, of all runs
    std::function<BackgroundPace::Clock::time_point()> asked;  // when a snapshot was asked for last
  };
  SnapshotKeeper(Store& store, Watch watch);
  ~SnapshotKeeper();

 private:
  void Work();
  bool Wait(BackgroundPace::Clock::duration time);
  template <typename Maker>
  bool Make(Maker* maker);
  Store& store_;
  const Watch watch_;
  BackgroundPace pace_;
  shm::Mutex mutex_;
  shm::Condition wake_;
  bool stopping_ SMILEY_GUARDED_BY(mutex_) = false;
  std::map<std::string, std::uint64_t> done_;  // run: its events when its snapshots were made last
  std::thread worker_;
};

}  // namespace smiley::daemon
