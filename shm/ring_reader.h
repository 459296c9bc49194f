// Thread rule: one RingReader per ring, used by one thread at a time; the producer may run at the same time.
//
// The consumer of one ring. It trusts no byte of the ring: it copies first and checks the copy. It bounds every
// number from shared memory before it uses the number as an index or a size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "shm/format.h"
#include "shm/segment.h"

namespace smiley::shm {

// A copy of the words [from, to) of one block.
struct BlockPart {
  std::uint64_t from = 0;   // word position of words.front(); never inside a block header
  std::uint64_t to = 0;     // word position after words.back(); may be a block's end
  bool block_done = false;  // the producer has left this block
  BlockHeader header{};     // the block's header, checked
  std::vector<std::uint64_t> words;
};

enum class ReadState { kData, kEmpty, kDamagedBlock, kOverrun };

class RingReader {
 public:
  // `position`: the word position to begin at: 0 for the start, or a stored cursor.
  RingReader(std::shared_ptr<Segment> segment, std::uint64_t position);

  // Copies the published words behind position() in the current block, at most one block in a call. kDamagedBlock:
  // the block was skipped, and position() is the next block. kOverrun: the producer has overwritten the position, and
  // position() is now the oldest whole block. In both cases out->from and out->to bound the skipped words.
  ReadState Read(BlockPart* out);
  std::uint64_t position() const { return position_; }
  // Sets the position without reading (restart, replay).
  void Seek(std::uint64_t position) { position_ = position; }
  // Number of words that are published and not yet read, at most the ring's size.
  std::uint64_t Backlog() const;
  // Frees the whole blocks below `position` for the producer. A lower position than before has no effect. REQUIRES
  // position <= position().
  void Free(std::uint64_t position);
  // Losses that the header counts and no kLost event holds yet; count 0 = none. Exact only when the producer is dead;
  // before, it may be outdated. A producer that is killed between its kLost event and the clearing of the header
  // leaves both. So after all words have been read, a loss whose `first` is below the thread's next seq is known.
  struct PendingLoss {
    std::uint32_t thread;
    std::uint64_t first, count, first_units, last_units;
  };
  PendingLoss Pending() const;
  Segment& segment() { return *segment_; }

 private:
  std::shared_ptr<Segment> segment_;
  std::uint64_t Oldest(std::uint64_t write_pos) const;  // position of the oldest block that may still be whole

  std::uint64_t position_;
  std::uint64_t block_count_;  // number of blocks at the mapping; the header may change later
};

// One attachment of an event. `bytes` points into the parser's words.
struct RawAttachment {
  Kind kind;
  std::uint8_t flags;
  std::uint32_t id;
  const unsigned char* bytes;  // the payload; inline: the 4 bytes in the attachment word
  std::uint32_t size;          // size of `bytes`; inline: 4, and the CBOR item shows its own end
};
// One event with its attachments, from a copy of words.
struct RawEvent {
  Kind kind;
  std::uint8_t flags;
  std::uint32_t id;
  std::uint64_t seq;                       // kLost: first lost seq; kMore without its event: 0
  std::uint64_t units;                     // absolute time in units
  std::uint64_t anchor_mono_ns;            // from kAnchor, in ns of CLOCK_MONOTONIC; 0 = none
  std::uint64_t frame;                     // frame id from kFrame; 0 = none
  std::vector<RawAttachment> attachments;  // all but kTime, kAnchor and kFrame
};

// Parses the words of one piece with bounds checks. It allocates no memory per event beyond the reused RawEvent.
// Whatever the bytes are, it reads only [words, words + count) and ends after at most count + 1 steps. Each event
// that it returns obeys FORMAT.md.
class WordParser {
 public:
  // `header`: the state before words[0] (first_seq, base_units).
  WordParser(const BlockHeader& header, const std::uint64_t* words, std::size_t count);
  enum class Step { kEvent, kMore, kEnd, kDamaged };
  // kEvent: *event is the next event. kMore: *event holds attachments that continue the previous event. Only its
  // attachments, kind (kMore) and flags are set; kFlagMore: another kMore follows. kDamaged: the rest of the piece is
  // unreadable and *event is undefined. The next step is kEnd.
  Step Next(RawEvent* event);
  std::uint64_t next_seq() const { return seq_; }
  std::uint64_t units() const { return units_; }

 private:
  bool ReadAttachments(RawEvent* event, std::uint64_t* time_high);

  const std::uint64_t* at_;
  const std::uint64_t* end_;
  std::uint64_t seq_;
  std::uint64_t units_;
};

}  // namespace smiley::shm
