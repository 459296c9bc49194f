// Thread rule: a SnapshotMaker belongs to one thread at a time. A SnapshotKeeper is created and destroyed by one
// thread, and works in a thread of its own.
//
// Takes snapshots of the threads of stored runs, so that the state at any event is found by reading a few chunks.
// They are derived data: a background thread computes them, and "reindex" computes them again
// (daemon/store/STORE.md).
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
  std::uint64_t least_events = 50'000;  // threads with fewer events get no snapshots
  std::uint64_t pieces = 8;             // fewest pieces between two snapshots
  std::uint64_t one_part_of = 10;  // all snapshots of a thread take at most this part of its chunks' bytes: 1 / 10
};

// Takes the snapshots of one run, from its last snapshots to the last stored piece.
class SnapshotMaker {
 public:
  // A run has one maker at a time. `rebuild`: removes the derived data of the run first; another maker of the run
  // stops.
  SnapshotMaker(Store& store, std::string run, SnapshotOptions options = {}, bool rebuild = false)
      : store_(store), run_(std::move(run)), options_(options), rebuild_(rebuild) {}
  ~SnapshotMaker();
  // Works for about Producer::kStepTime. True: all snapshots are stored. kBusy: another maker has the run.
  Result<bool> Step();
  std::uint64_t snapshots() const { return snapshots_; }  // taken
  std::uint64_t bytes() const { return bytes_; }          // written
  std::uint64_t pieces() const { return pieces_; }        // read

 private:
  struct Thread {
    ThreadInfo info;
    std::unique_ptr<Decoder> decoder;
    std::vector<PieceEntry> entries;  // of pieces to read, the next one last
    std::uint64_t next_first = 1;     // seq from which on the next entries are loaded
    std::uint64_t last_arrival = 0;   // of the last loaded entry; 0 = none
    bool loaded_all = false;
    std::uint64_t pieces_since = 0;  // pieces since the last snapshot
    std::uint64_t last_bytes = 0;    // size of the last snapshot
    bool fresh = true;               // no piece was read yet
    SnapshotProgress progress;
  };
  Result<bool> Begin();
  Status Open(Thread* thread);
  Status Load(Thread* thread);
  Status Take(Thread* thread);
  Store& store_;
  const std::string run_;
  const SnapshotOptions options_;
  const bool rebuild_;
  bool claimed_ = false;
  std::vector<ThreadInfo> threads_;
  std::size_t next_thread_ = 0;
  bool opened_ = false;
  std::unique_ptr<Thread> at_;
  std::uint64_t snapshots_ = 0, bytes_ = 0, pieces_ = 0;
};

// A thread that takes the snapshots of all runs, and computes the statistics of those that have ended
// (daemon/analysis/stored_stats.h). It has a low priority, and rests while programs are recorded (pace.h).
class SnapshotKeeper {
 public:
  struct Watch {
    std::function<std::uint64_t()> recorded;                   // events drained so far, of all runs
    std::function<BackgroundPace::Clock::time_point()> asked;  // when a client last asked for derived data
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
  std::map<std::string, std::uint64_t> done_;  // run: its number of events when its snapshots were taken last
  std::thread worker_;
};

}  // namespace smiley::daemon
