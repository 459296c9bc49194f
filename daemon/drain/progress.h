// Thread rule: every object belongs to the drainer's thread.
//
// How far the drainer has got with each ring, catalogue, thread, process and run.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/run/archive.h"
#include "daemon/run/names.h"
#include "daemon/run/piece.h"
#include "daemon/run/piece_scan.h"
#include "shm/base/identity.h"
#include "shm/catalogue.h"
#include "shm/ring_reader.h"
#include "shm/segment.h"

namespace smiley::daemon {

using SteadyTime = std::chrono::steady_clock::time_point;

struct RingProgress;

struct ThreadProgress {
  ThreadInfo info;
  std::uint64_t next_seq = 1;    // sequence number that the thread's next word should have
  RingProgress* ring = nullptr;  // the ring of the words that were drained last; null: none, or the ring is removed
  int users = 0;                 // rings whose `thread` is this one
};

// A ring, and the piece that is growing from it.
struct RingProgress {
  shm::Segment::Found found;
  std::unique_ptr<shm::RingReader> reader;
  PieceScanner scanner;
  std::optional<std::uint64_t> block;       // number of the block that the scanner is in
  std::optional<std::uint64_t> skip_block;  // number of a block whose remaining words are not read
  ThreadProgress* thread = nullptr;         // writer of the words that were drained last; null: none. See SetThread.
  std::shared_ptr<Piece> open;              // two and more drained parts that no batch has yet; null: see `single`
  PiecePtr single;                          // the only drained part that no batch has yet, shared, not copied
  std::size_t open_parts = 0;               // parts in `open` or `single`
  SteadyTime open_since{};                  // when the first of these parts was drained
  std::uint64_t drained = 0;                // position behind the last word that was taken out
  std::uint64_t queued = 0;                 // position behind the last word that is in a batch
  std::optional<std::uint64_t> rewalk;      // cursor of an earlier daemon, up to which the block has to be scanned
  bool damaged_before = false;              // for the next piece: words before it could not be read
  bool in_hand = false;  // a part of this ring was read, and waits until another ring has been drained
  std::deque<std::pair<std::uint64_t, std::uint64_t>>
      frees;                       // (batch, position that may be freed when it is handled)
  std::uint64_t closed_batch = 0;  // batch with the last words of a ring that its owner has closed; 0: none

  void SetThread(ThreadProgress* writer) {
    if (thread != nullptr) --thread->users;
    thread = writer;
    if (thread != nullptr) ++thread->users;
  }
};

struct CatalogueProgress {
  shm::Segment::Found found;
  std::unique_ptr<shm::CatalogueReader> reader;
  std::uint32_t index = 0;   // of the segment among the catalogues of its process, from 0
  std::uint64_t queued = 0;  // byte position behind the last record that is in a batch
};

struct RunProgress;

// One image of a traced process; exec begins another one with the same pid.
struct ProcessProgress {
  std::uint64_t token = 0;  // of the image, from its segments' headers
  shm::ProcessIdentity identity;
  int pidfd = -1;  // -1: none to be had, so every life check asks the system
  bool seen_alive = false;
  RunProgress* run = nullptr;
  ProcessInfo info;
  bool known = false;            // it has a number in the run: its process record was read, or never will be
  bool dead = false;             // it has ended
  bool looked_for_last = false;  // the segments were listed after it had ended, so that none of them is missing
  bool hold = false;             // its rings are drained only when the run is dumped, or when it has ended
  bool finished = false;         // `last_batch` was pushed
  std::uint64_t last_batch = 0;  // the segments of the ended process may be removed when this batch is stored
  std::uint64_t started_mono_ns = 0, parent_token = 0;  // of the process record; 0: unknown
  std::int64_t wall_minus_mono_ns = 0;
  std::shared_ptr<StoredNames> names = std::make_shared<StoredNames>();
  std::map<std::uint32_t, std::unique_ptr<CatalogueProgress>> catalogues;  // by index
  std::uint32_t catalogue_at = 0;                                          // index of the one that is being read
  std::vector<std::unique_ptr<RingProgress>> rings;
  std::map<std::uint32_t, std::unique_ptr<ThreadProgress>> threads;  // by local number
  // (batch with the last words of the thread, or 0 while no batch has them; local number) of threads that have ended.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> ended_threads;
  std::uint64_t ended_checked_at = 0;            // the last stored batch when `ended_threads` was looked through
  std::map<std::uint32_t, std::uint32_t> tasks;  // local number to number in the run
  std::string cwd, detail, run_name;             // of the process record
  std::string record;                            // the process record itself, CBOR
};

struct RunProgress {
  std::string id;
  std::vector<ProcessProgress*> processes;  // whose segments still exist
  std::uint32_t next_process = 1, next_thread = 1, next_source = 1, next_task = 1;
  std::map<std::pair<std::string, std::string>, std::uint32_t> sources;  // (file, sha256) to number
  std::map<std::uint64_t, std::uint32_t> numbers;                        // process token to number
  std::optional<shm::ProcessIdentity> launcher;  // smiley-run, which reports the end; nullopt: nobody does
  int launcher_fd = -1;                          // becomes readable when the launcher dies; -1: none
  bool begun = false;                            // a Begin request came
  bool finish_known = false;                     // a Finish request came
  bool dump = false;  // the next pass drains all rings of the run, also those that are held back
  std::optional<shm::ProcessIdentity> first;                          // of process 1
  std::map<std::uint32_t, std::vector<ThreadInfo>> restored_threads;  // by process, as an earlier daemon stored them
  std::map<std::uint32_t, ProcessInfo> restored_processes;            // likewise, by number
  std::uint64_t end_batch = 0;      // the batch that marks the run as ended; 0: it has not ended
  std::uint64_t looked_before = 0;  // Agenda::looks when the run last changed: it ends only after a later look
  std::int64_t last_ns = 0;         // time of the latest event
  std::int64_t ended_ns = 0;        // time at which the latest process ended; 0: none has
  // Drained so far, and what these counts were when the rates were computed last.
  std::uint64_t words = 0, events = 0, rate_words = 0, rate_events = 0;
  double events_per_second = 0, bytes_per_second = 0;
};

}  // namespace smiley::daemon
