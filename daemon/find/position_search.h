// Thread rule: each object belongs to one thread at a time.
//
// Finds events by their words (frame, depth, line, function, variable written), forwards and backwards from a
// position. Chunks whose summaries rule a match out are not read.
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

// The events to find. All conditions must hold.
struct Wanted {
  std::uint32_t kinds = UINT32_MAX;       // bit n: kind n
  bool own_raise = false;                 // leaves out exceptions that came from a callee
  bool in_frame = false;                  // only events that happen in a frame
  std::uint32_t most_open = UINT32_MAX;   // most open frames, the event's own included
  std::vector<std::uint32_t> codes_near;  // a chunk must contain one of these code ids; empty = any
  std::uint64_t frame = 0;                // 0 = any
  std::string variable;                   // name of a variable that the event writes; empty = any
  std::string file;                       // as in IsFile; empty = any
  std::string function;                   // qualified name, or its end after a dot; empty = any
  std::uint32_t line = 0;                 // 0 = any
  std::string exception;                  // type, with or without module; empty = any
};

// Tests the events and chunks of one process.
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
  std::vector<std::uint8_t> codes_, strings_;  // by id: 0 not tested, 1 no, 2 yes
};

struct FoundEvent {
  Position position;
  std::int64_t time_ns = 0;
  shm::Kind kind{};
  std::uint32_t process = 0, code = 0, line = 0, open = 0;
  std::uint64_t frame = 0;
  std::string cbor;  // the recorded text, exception or value; empty = none
};

// Finds the matching events of one thread, one after the other.
class ThreadSearch {
 public:
  enum class Direction { kForward, kBackward };
  // Searches forward behind the event `seq` (0: from the first event), or backward before it (UINT64_MAX: from the
  // last event).
  ThreadSearch(Archive& archive, std::string run, const ThreadInfo& thread, Wanted wanted,
               std::shared_ptr<const Names> names, std::uint64_t seq, Direction direction);
  // Ends a backward search at the event `seq`.
  void EndAt(std::uint64_t seq) { until_ = seq; }
  // Searches for about Producer::kStepTime. True: found() is the next match, or null at the end.
  Result<bool> Step();
  const std::optional<FoundEvent>& found() const { return found_; }
  // Of a forward search: no later match happened before this time.
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
  std::uint64_t seq_;  // the latest match, or the start
  std::uint64_t until_ = 0;
  std::uint64_t next_;  // forward: first seq of the entries to load; backward: the entries to load begin before it
  bool at_end_ = false;
  std::vector<PieceEntry> entries_;  // to search; the next one last
  std::vector<FoundEvent> matches_;  // of the chunk that was read last; the next one last
  std::optional<FoundEvent> found_;
  std::uint64_t read_ = 0, skipped_ = 0;
  std::uint64_t last_arrival_ = 0;
  std::int64_t not_before_ns_ = INT64_MIN;
};

// Bounds for the last piece of a thread that begins at a given time or before it.
struct BegunBetween {
  PieceEntry piece;        // the last piece known to begin in time; null: none is known
  std::uint64_t low = 0;   // an event of that piece, or 0
  std::uint64_t high = 0;  // an event that lies behind every such piece
};
// Halves the bounds until `piece` is the last such piece.
Status NarrowToBegun(Archive& archive, const std::string& run, std::uint32_t thread, std::int64_t time_ns,
                     BegunBetween* between);
// The last piece of a thread that begins at `time_ns` or before. An entry without a piece: there is none.
Result<PieceEntry> FindLastBegun(Archive& archive, const std::string& run, const ThreadInfo& thread,
                                 std::int64_t time_ns);
// The state of a thread at a moment: its last event before (time_ns, `before_thread`), and the frames open then,
// outermost first. Seq 0: the thread had no event before.
struct Moment {
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  shm::Kind kind{};
  std::vector<shm::OpenFrame> stack;  // line 0: the code's first line
  std::uint32_t hidden = 0;           // open frames further out, not known
};
Result<Moment> FindMomentBefore(Archive& archive, const std::string& run, const ThreadInfo& thread,
                                std::int64_t time_ns, std::uint32_t before_thread);
// The piece that holds the event `seq` of a thread; null: there is none.
Result<PiecePtr> ReadPieceOf(Archive& archive, const std::string& run, std::uint32_t thread, std::uint64_t seq);

}  // namespace smiley::daemon
