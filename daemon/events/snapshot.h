// Thread rule: plain values and functions; any thread.
//
// The state of a thread between two of its pieces, so that decoding can begin there: its open frames and the latest
// values of their variables. A frame is written only when it has changed since the snapshot before. Bytes:
// daemon/store/STORE.md, "Derived data".
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/run/archive.h"
#include "daemon/value/value.h"
#include "shm/format.h"

namespace smiley::daemon {

struct ThreadSnapshot {
  std::uint32_t process = 0, thread = 0;
  std::uint64_t next_seq = 1;         // of the first event behind the snapshot, which begins a piece
  std::uint64_t last_frame = 0;       // number of the frame that was entered last
  std::uint64_t epoch = 0;            // losses and gaps so far; a frame with a smaller epoch has lost its values
  std::uint32_t task = 0;             // 0 = none
  std::uint32_t hidden = 0;           // open frames further out than `stack`, not known
  std::vector<shm::OpenFrame> stack;  // outermost first
};
std::string EncodeSnapshot(const ThreadSnapshot& snapshot);
bool DecodeSnapshot(std::string_view bytes, ThreadSnapshot* snapshot);

struct FrameSnapshot {
  std::uint64_t epoch = 0;
  std::uint32_t line = 0;                                     // line of a suspended frame; 0 = not known
  std::vector<std::pair<std::uint32_t, ValuePtr>> variables;  // catalogue id of the name, value; never null
};
std::string EncodeFrame(const FrameSnapshot& frame);
bool DecodeFrame(std::string_view bytes, FrameSnapshot* frame);

// Reads the variables of a frame as they were at a snapshot; false: nothing is known of the frame.
using FrameLoader = std::function<bool(std::uint64_t frame, FrameSnapshot* out)>;
// Loads frames from the run's derived data. REQUIRES that the archive outlives the loader.
FrameLoader MakeFrameLoader(Archive& archive, const std::string& run, const ThreadSnapshot& snapshot);

// Keys of derived data within a run.
std::string SnapshotKey(std::uint32_t thread, std::uint64_t next_seq);
std::string FrameKey(std::uint32_t thread, std::uint64_t frame, std::uint64_t next_seq);
std::string ProgressKey(std::uint32_t thread);
std::string StatsKey(std::uint32_t thread);  // stored_stats.h

// Progress of the snapshots of one thread.
struct SnapshotProgress {
  std::uint64_t next_seq = 1;     // of the last snapshot
  std::uint64_t chunk_bytes = 0;  // size of the chunks before the last snapshot
  std::uint64_t bytes = 0;        // size of the derived data written for the thread
};
std::string EncodeProgress(const SnapshotProgress& progress);
bool DecodeProgress(std::string_view bytes, SnapshotProgress* progress);

}  // namespace smiley::daemon
