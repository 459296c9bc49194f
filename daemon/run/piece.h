// Thread rule: a complete Piece never changes. Threads share it by pointer.
//
// The unit of draining, of the live feed and of the store: consecutive words of one thread, within one block, with
// the decoding state before them. A stored piece is called a chunk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "shm/format.h"
#include "shm/kind_names.h"

namespace smiley::daemon {

// Times within a piece: ns since the epoch = anchor_ns + (units - anchor_units) * ns_per_unit. The next kAnchor
// attachment replaces the pair: anchor_ns = its monotonic ns + wall_minus_mono_ns. Readers clamp times that go back.
struct TimeBase {
  std::uint64_t anchor_units = 0;
  std::int64_t anchor_ns = 0;  // wall clock of the run
  std::int64_t wall_minus_mono_ns = 0;
  double ns_per_unit = 1.0;  // measured by the daemon when it drained the piece
};

struct Piece {
  std::string run;            // run id
  std::uint32_t process = 0;  // number in the run, from 1
  std::uint32_t thread = 0;   // number in the run, from 1 (not the process-local one)
  shm::BlockHeader state{};   // before words[0]: seq, base time, open frames (thread = process-local number)
  TimeBase time;
  std::vector<std::uint64_t> words;
  bool begins_inside = false;   // the first word is a kMore: it continues an event of the piece before
  bool damaged_before = false;  // words between the piece before and this one were damaged or overwritten

  // The summary, computed while draining.
  std::uint64_t first_seq = 0;  // of the first event, or of the first lost one
  std::uint64_t last_seq = 0;
  std::uint64_t events = 0;  // without kLost
  std::uint64_t lost = 0;    // events that the kLost events in it cover
  std::int64_t first_ns = 0, last_ns = 0;
  std::vector<std::uint32_t> codes;          // distinct ids of code objects that its events belong to, sorted
  std::vector<std::uint32_t> variables;      // distinct string ids of variables that changed, sorted
  std::uint32_t min_line = 0, max_line = 0;  // 0: no event has a line
  std::uint32_t exceptions = 0;              // raise events
  std::uint32_t kinds = 0;                   // shm::KindBit of each kind in it
};
using PiecePtr = std::shared_ptr<const Piece>;

}  // namespace smiley::daemon
