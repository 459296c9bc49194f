// Thread rule: each object belongs to one thread at a time.
//
// Walks the words of a ring in order and keeps the thread's state (number, time, open frames). So a piece can begin
// anywhere in a block with a correct header, and its summary is computed on the way. Treats every word as hostile.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "daemon/run/piece.h"
#include "shm/format.h"

namespace smiley::daemon {

// A set of ids with cheap insertion; the ids of hostile words cost at most 2 MiB.
class IdSet {
 public:
  void Insert(std::uint32_t id) {
    const std::size_t slot = id / 64;
    if (slot >= bits_.size()) bits_.resize(slot + 1);
    const std::uint64_t bit = std::uint64_t{1} << (id % 64);
    if ((bits_[slot] & bit) == 0) {
      bits_[slot] |= bit;
      ids_.push_back(id);
    }
  }
  // The ids, sorted; the set is empty afterwards.
  std::vector<std::uint32_t> Take();

 private:
  std::vector<std::uint64_t> bits_;
  std::vector<std::uint32_t> ids_;
};

class PieceScanner {
 public:
  struct Scanned {
    std::size_t words = 0;       // readable words: up to a pad word, a damaged one, or the end
    bool damaged = false;        // the rest of the block is unreadable
    bool begins_inside = false;  // the first word is a kMore
    bool ends_thread = false;    // a thread_end event was seen
    // The numbers that the words account for, events and losses. last_seq is first_seq - 1 when they account for
    // none.
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;
    std::uint64_t events = 0, lost = 0;
    std::int64_t first_ns = 0, last_ns = 0;  // 0 when the words account for no event
    std::uint32_t min_line = 0, max_line = 0, exceptions = 0, kinds = 0;
    // The exception of the last unwind of an outermost frame: CBOR [type, message], within the words; empty = none.
    std::string_view uncaught;
    std::uint32_t uncaught_code = 0;
  };

  explicit PieceScanner(std::int64_t wall_minus_mono_ns = 0) : wall_minus_mono_ns_(wall_minus_mono_ns) {}
  void SetNsPerUnit(double ns_per_unit) { ns_per_unit_ = ns_per_unit; }

  // Goes to the first word of a block with this header. REQUIRES that the ring's reader has checked the header.
  void EnterBlock(const shm::BlockHeader& header);
  // The header and the clock of a piece that begins here.
  shm::BlockHeader State() const;
  TimeBase Time() const;
  // Walks the words that follow, and adds their codes and variables to the scanner's sets.
  Scanned Scan(const std::uint64_t* words, std::size_t count);
  // Fills in the summary of a piece of the words just scanned. The scanner's sets are empty afterwards.
  void Summarize(const Scanned& scanned, Piece* piece);

  std::uint64_t next_seq() const { return next_seq_; }
  std::uint64_t units() const { return units_; }
  std::int64_t NsAt(std::uint64_t units) const;
  IdSet& codes() { return codes_; }
  IdSet& variables() { return variables_; }

 private:
  struct Attachments;
  bool ReadAttachments(const std::uint64_t* words, std::size_t count, std::size_t at, Attachments* out);
  void Push(std::uint64_t frame, std::uint32_t code);
  void Pop();

  shm::BlockHeader block_{};           // of the current block
  std::vector<shm::OpenFrame> stack_;  // the open frames that are known, innermost last
  std::uint32_t unknown_ = 0;          // open frames below stack_.front()
  std::uint64_t next_seq_ = 1, units_ = 0, last_frame_ = 0, lost_ = 0;
  std::uint64_t anchor_units_ = 0, anchor_mono_ns_ = 0;
  std::int64_t wall_minus_mono_ns_;
  double ns_per_unit_ = 1;
  IdSet codes_, variables_;
};

// Fills in the summary of a piece from its state, clock and words. False: the words are damaged, or begins_inside is
// wrong.
bool SumUp(Piece* piece);
// The number as an integer, clamped: hostile words lead to numbers that do not fit, whose conversion is undefined in
// C++.
inline std::int64_t Whole(double number) {
  constexpr double kLimit = 4e18;
  return static_cast<std::int64_t>(std::clamp(number == number ? number : 0.0, -kLimit, kLimit));
}
// The time of `units`, clamped to 64 bits.
inline std::int64_t NsAt(const TimeBase& time, std::uint64_t units) {
  const std::int64_t offset =
      Whole(static_cast<double>(static_cast<std::int64_t>(units - time.anchor_units)) * time.ns_per_unit);
  std::int64_t sum = 0;
  return __builtin_add_overflow(time.anchor_ns, offset, &sum) ? (offset > 0 ? INT64_MAX : INT64_MIN) : sum;
}
// A piece of one kLost event: `count` events from `first` on are lost.
Piece MakeLossPiece(const shm::BlockHeader& state, const TimeBase& time, std::uint64_t first, std::uint64_t count,
                    std::uint64_t first_units, std::uint64_t last_units);
// Appends `part` to `piece`. REQUIRES that it follows `piece` in the same block.
void AppendPart(const Piece& part, Piece* piece);

}  // namespace smiley::daemon
