// Thread rule: all of it belongs to the drainer's thread.
//
// What the drainer knows of rings, catalogues, processes and runs (private to daemon/drainer*.cc).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/run/archive.h"
#include "daemon/run/names.h"
#include "daemon/run/piece.h"
#include "daemon/run/piece_scan.h"
#include "daemon/run/registry.h"
#include "shm/base/identity.h"
#include "shm/catalogue.h"
#include "shm/ring_reader.h"
#include "shm/segment.h"

namespace smiley::daemon {

using SteadyTime = std::chrono::steady_clock::time_point;

struct RingState;

struct ThreadState {
  ThreadInfo info;
  std::uint64_t next_seq = 1;
  RingState* ring = nullptr;  // where its latest words came from
  int stands = 0;             // rings whose `thread` it is
};

// A ring and the piece that is growing from it.
struct RingState {
  shm::Segment::Found found;
  std::unique_ptr<shm::RingReader> reader;
  PieceScanner scanner;
  std::optional<std::uint64_t> block;       // the block that the scanner is in
  std::optional<std::uint64_t> skip_block;  // the rest of it is unreadable
  ThreadState* thread = nullptr;            // of the latest words; set by StandAt
  void StandAt(ThreadState* now) {
    if (thread != nullptr) --thread->stands;
    thread = now;
    if (thread != nullptr) ++thread->stands;
  }
  std::shared_ptr<Piece> open;  // of drained parts, not given to the store yet
  std::size_t open_parts = 0;
  PiecePtr single;  // the only part of `open`, shared as it is
  SteadyTime open_since{};
  std::uint64_t drained = 0;            // position up to which words were taken
  std::uint64_t queued = 0;             // position up to which everything was given to the store
  std::optional<std::uint64_t> rewalk;  // cursor of the daemon before: the scanner has to get there first
  bool damaged_before = false;          // for the next piece
  bool in_hand = false;                 // a part of it was read and waits until another ring is drained
  std::deque<std::pair<std::uint64_t, std::uint64_t>> frees;  // batch number, position
  std::uint64_t closed_batch = 0;  // the owner is done with it: when this batch is stored it may go
};

struct CatalogueState {
  shm::Segment::Found found;
  std::unique_ptr<shm::CatalogueReader> reader;
  std::uint32_t index = 0;
  bool sealed = false;
  std::uint64_t queued = 0;
};

struct RunProgress;

// One traced process image.
struct ProcessState {
  std::uint64_t token = 0;
  shm::ProcessIdentity identity;
  int pidfd = -1;  // -1: its life has to be asked for
  bool seen_alive = false;
  RunProgress* run = nullptr;
  ProcessInfo info;
  bool known = false;  // its process record was read (or will never be): it has a number
  bool dead = false;
  bool looked_for_last = false;  // segments were looked for after it was known to be dead: all that it made is found
  std::uint64_t last_batch = 0;  // when it is stored, the segments of the dead process may go
  bool finished = false;         // last_batch was pushed
  bool hold = false;             // its rings are read when the run is dumped, or when it is dead
  std::uint64_t started_mono_ns = 0, parent_token = 0;
  std::int64_t wall_minus_mono_ns = 0;
  std::shared_ptr<StoredNames> names = std::make_shared<StoredNames>();
  std::map<std::uint32_t, std::unique_ptr<CatalogueState>> catalogues;  // by index
  std::uint32_t catalogue_at = 0;                                       // index of the one being read
  std::vector<std::unique_ptr<RingState>> rings;
  std::map<std::uint32_t, std::unique_ptr<ThreadState>> threads;  // by local number
  // Threads that have ended, and the batch with the last of each; 0: it has not been made yet.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> ended_threads;
  std::uint64_t let_go_at = 0;                   // the last batch that was stored when they were looked through
  std::map<std::uint32_t, std::uint32_t> tasks;  // local number to number in the run
  std::string cwd, detail, run_name, record;     // of its process record; the record itself
};

struct RunProgress {
  std::string id;
  std::vector<ProcessState*> processes;  // that still have segments
  std::uint32_t next_process = 1, next_thread = 1, next_source = 1, next_task = 1;
  std::map<std::pair<std::string, std::string>, std::uint32_t> sources;  // (file, sha256) to number
  std::map<std::uint64_t, std::uint32_t> numbers;                        // process token to number
  std::optional<shm::ProcessIdentity> launcher;
  int launcher_fd = -1;
  bool begun = false;  // by a Begin request
  bool finish_told = false;
  bool dump = false;  // what its rings hold is to be read in the next pass, also of processes that hold it back
  std::optional<shm::ProcessIdentity> first;                  // identity of process 1
  std::map<std::uint32_t, std::vector<ThreadInfo>> restored;  // threads by process, of the daemon before
  std::map<std::uint32_t, ProcessInfo> restored_processes;
  std::int64_t wall_minus_mono_ns = 0;
  std::uint64_t end_batch = 0;     // the batch that says that the run has ended; 0 = it has not
  std::uint64_t looked_after = 0;  // value of the drainer's look counter when Finish came
  std::int64_t last_ns = 0;        // of the latest event
  std::int64_t ended_ns = 0;       // of the latest process
  // Rates.
  std::uint64_t words = 0, events = 0, rate_words = 0, rate_events = 0;
  double events_per_second = 0, bytes_per_second = 0;
};

struct Waiter {
  std::string run;
  SteadyTime deadline;
  std::uint64_t looked = 0;  // resolved only after a look through the segments that began later
  std::function<void(Drained)> done;
};

}  // namespace smiley::daemon
