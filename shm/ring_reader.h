// Thread rule: one RingReader per ring, used by one thread at a time; the producer may be running meanwhile.
//
// Consumer side. Copies first and checks the copy: every byte of a ring is treated as hostile; nothing read from
// shared memory is used as an index or a size before it has been bounded.
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
  std::uint64_t to = 0;     // position after the last word; may be a block's end
  bool block_done = false;  // the producer has left this block
  BlockHeader header{};     // of the block, checked
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
  // Words published and not yet read, bounded by the ring's size.
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
  std::uint64_t block_count_;  // as mapped; the header may change later
};

// One event with its attachments, as found in a copy of words. Spans point into the words given to the parser.
struct RawAttachment {
  Kind kind;
  std::uint8_t flags;
  std::uint32_t id;
  const unsigned char* bytes;  // payload; for inline CBOR the 4 bytes in the word
  std::uint32_t size;          // bytes; inline: 4 (CBOR is self-delimiting)
};
struct RawEvent {
  Kind kind;
  std::uint8_t flags;
  std::uint32_t id;
  std::uint64_t seq;                       // kLost: first lost seq; kMore without beginning: 0
  std::uint64_t units;                     // absolute
  std::uint64_t anchor_mono_ns;            // 0 = none
  std::uint64_t frame;                     // kFrame attachment, 0 = none
  std::vector<RawAttachment> attachments;  // without kTime, kAnchor, kFrame
};

// Walks the words of one piece: bounds-checked, no allocation per event beyond the reused RawEvent. Whatever the
// bytes are, it reads nothing outside of [words, words + count), ends after at most count + 1 steps, and what it
// calls an event obeys FORMAT.md.
class WordParser {
 public:
  // `header` gives the state before words[0] (first_seq, base_units).
  WordParser(const BlockHeader& header, const std::uint64_t* words, std::size_t count);
  enum class Step { kEvent, kMore, kEnd, kDamaged };
  // kEvent: *event filled. kMore: attachments that continue the event before (event->attachments only; kind
  // kMore; flags kFlagMore when still more follow). kDamaged: the rest of the piece is unreadable, *event is not to
  // be used; then kEnd.
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
