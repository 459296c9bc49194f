// Thread rule: each object belongs to one thread at a time.
//
// Finding events by what their words tell (frame, depth, line, function, variable written), forwards and backwards
// from a position; chunks whose summary rules them out are not read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/events/piece_walk.h"
#include "daemon/find/position.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

// What is looked for: all that is given must hold.
struct Wanted {
  std::uint32_t kinds = UINT32_MAX;       // bit n: kind n
  bool own_raise = false;                 // not an exception that came from a callee
  bool in_frame = false;                  // happens in a frame
  std::uint32_t most_open = UINT32_MAX;   // open frames, its own included
  std::vector<std::uint32_t> codes_near;  // code ids of which one must occur in a chunk; empty = any
  std::uint64_t frame = 0;                // 0 = any
  std::string variable;                   // written by the event; empty = any
  std::string file;                       // as in IsFile; empty = any
  std::string function;                   // its qualified name, or the end of it after a dot
  std::uint32_t line = 0;
  std::string exception;  // its type, with or without module
};

// Decides about the events and chunks of one process.
class WantedTest {
 public:
  WantedTest(Wanted wanted, std::shared_ptr<const Names> names)
      : wanted_(std::move(wanted)), names_(std::move(names)) {}
  bool ChunkMayMatch(const Piece& summary);
  bool Matches(const PieceWalker& event);

 private:
  bool CodeFits(std::uint32_t code);
  bool IsVariable(std::uint32_t string);
  const Wanted wanted_;
  const std::shared_ptr<const Names> names_;
  std::vector<std::uint8_t> codes_, strings_;  // by id: 0 not asked yet, 1 no, 2 yes
};

struct FoundEvent {
  Position position;
  std::int64_t time_ns = 0;
  shm::Kind kind{};
  std::uint32_t process = 0, code = 0, line = 0, open = 0;
  std::uint64_t frame = 0;
  std::string cbor;  // its text, exception or value, as recorded
};

// The events of one thread that match, one after the other.
class ThreadSearch {
 public:
  enum class Direction { kForward, kBackward };
  // Begins behind (before) the event `seq`; forward from 0: at the first; backward from UINT64_MAX: at the last.
  ThreadSearch(Archive& archive, std::string run, const ThreadInfo& thread, Wanted wanted,
               std::shared_ptr<const Names> names, std::uint64_t seq, Direction direction);
  // Backward: nothing before the event `seq` is looked for.
  void Until(std::uint64_t seq) { until_ = seq; }
  // Looks on for about Producer::kStepTime; true: found or at the end (`found` null then).
  Result<bool> Step();
  const std::optional<FoundEvent>& found() const { return found_; }
  // Nothing that is still to come happened before this. Forward only.
  std::int64_t not_before_ns() const { return not_before_ns_; }
  std::uint64_t chunks_read() const { return read_; }
  std::uint64_t chunks_skipped() const { return skipped_; }

 private:
  Status LoadEntries();
  Status ReadChunk(const PieceEntry& entry);
  Archive& archive_;
  const std::string run_;
  const ThreadInfo thread_;
  WantedTest test_;
  const Direction direction_;
  std::uint64_t seq_;  // what was found last, or where to begin
  std::uint64_t until_ = 0;
  std::uint64_t next_;  // forward: first seq of the entries to load; backward: they begin before it
  bool at_end_ = false;
  std::vector<PieceEntry> entries_;  // to do; the next one last
  std::vector<FoundEvent> matches_;  // of the chunk read last; the next one last
  std::optional<FoundEvent> found_;
  std::uint64_t read_ = 0, skipped_ = 0;
  std::uint64_t last_arrival_ = 0;
  std::int64_t not_before_ns_ = INT64_MIN;
};

// Where in a thread the last piece lies that begins at a time or before.
struct BegunBetween {
  PieceEntry piece;        // the last one known to begin in time; null: none is
  std::uint64_t low = 0;   // an event of it, or 0
  std::uint64_t high = 0;  // an event known to lie in no such piece
};
// Narrows it by halves until `piece` is the one.
Status NarrowToBegun(Archive& archive, const std::string& run, std::uint32_t thread, std::int64_t time_ns,
                     BegunBetween* between);
// The last piece of a thread that begins at `time_ns` or before; without a piece: none does.
Result<PieceEntry> LastBegun(Archive& archive, const std::string& run, const ThreadInfo& thread,
                             std::int64_t time_ns);
// Where a thread stood: its last event that happened before (time_ns, `before_thread`), and its open frames then,
// outermost first. Seq 0: it had none.
struct Moment {
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  shm::Kind kind{};
  std::vector<shm::OpenFrame> stack;  // line 0: the code's first line
  std::uint32_t hidden = 0;           // open frames below
};
Result<Moment> MomentBefore(Archive& archive, const std::string& run, const ThreadInfo& thread, std::int64_t time_ns,
                            std::uint32_t before_thread);
// The piece that holds the event `seq` of a thread; null when there is none.
Result<PiecePtr> PieceOf(Archive& archive, const std::string& run, std::uint32_t thread, std::uint64_t seq);

}  // namespace smiley::daemon
