// Thread rule: one RingWriter per traced thread, used by that thread only. It never blocks by itself: when the ring
// is full and its policy is kBlock, the `wait` callback decides how long to wait and whether to give up.
//
// The producer of one ring. It writes an event and its attachments with plain stores into the current block. One
// release store of write_pos (Commit) publishes them together. It tests for room once per block. FORMAT.md describes
// blocks, continuation (kMore), loss and overwriting.
//
//   writer.Begin(Kind::kLine, 0, line, clock.NowUnits());
//   writer.Attach(Kind::kSet, 0, name, cbor, size);      // any number
//   writer.Commit();
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>

#include "shm/base/requires.h"
#include "shm/base/test_point.h"
#include "shm/format.h"
#include "shm/segment.h"

// Only tests/tsan defines it. The publish is then too weak, and a race detector must report it.
#ifdef SMILEY_WEAKEN_PUBLISH
#define SMILEY_PUBLISH_ORDER std::memory_order_relaxed
#else
#define SMILEY_PUBLISH_ORDER std::memory_order_release
#endif

namespace smiley::shm {

// The open frames of the thread. The tracer updates them, and the writer copies them into each block's header.
class OpenFrames {
 public:
  virtual ~OpenFrames() = default;
  // Fills `out` (innermost first, at most kShownFrames) and returns the full depth. A call from within Begin gets the
  // frames before the event. A call from within Attach, for a block that continues the event, gets the frames after
  // it. So the tracer pushes or pops a frame between Begin and the first Attach.
  virtual std::uint32_t Snapshot(OpenFrame* out) const = 0;
};

class RingWriter {
 public:
  // Called repeatedly while the ring is full under kBlock. Returns true to test for room again, false to lose events
  // until a block is free. It may sleep, release the GIL and start the daemon.
  using WaitFn = bool (*)(void* context);

  struct Options {
    WaitFn wait = nullptr;  // null: as if it always returned false
    void* wait_context = nullptr;
    const OpenFrames* frames = nullptr;  // outlives the writer; null: no open frames
  };

  // Takes ownership of a live ring segment of this process: a new one, or one that an ended thread Released.
  RingWriter(std::unique_ptr<Segment> segment, const Clock& clock, const Options& options);
  ~RingWriter();  // writes nothing; call EndThread before

  // Gives the ring to thread `number` (from 1), whose next event has seq `next_seq`. The next event opens a new
  // block. REQUIRES number and next_seq > 0, and that no thread has the ring: EndThread has ended the previous
  // thread.
  void StartThread(std::uint32_t number, std::uint64_t next_seq);
  // Pads and publishes the block, and marks the ring idle (thread = 0). Release() can then take the segment. False:
  // there was no room for a pending loss. It stays in the header under this thread's number, where readers find it.
  // The caller must not give the ring to another thread, and marks it closed instead.
  bool EndThread();
  std::unique_ptr<Segment> Release();
  // In place of StartThread: moves the thread of `before` to this ring. The thread's next event is the first in this
  // ring. False: `before` is losing events, and the call has no effect. REQUIRES that no thread had this ring before,
  // that a thread has `before`, and that no event is open in either.
  bool GoOnFrom(RingWriter* before);
  // Ends the open block. The next event begins a new block, whose header holds the open frames at that time.
  void EndBlock() {
    if (open_) Leave();
  }

  // Begins the event with the thread's next seq at time `units`, or at the previous event's time if `units` is lower.
  // Always counts the event. False: the event is lost, and Attach and Commit have no effect. REQUIRES an event's
  // kind.
  bool Begin(Kind kind, std::uint32_t flags, std::uint32_t id, std::uint64_t units) {
    SMILEY_REQUIRES(IsEvent(kind));
    if (units < last_units_) units = last_units_;
    if (__builtin_expect(block_end_ - cursor_ < kMinRoom, 0)) {
      if (!OpenBlock(units, kind == Kind::kCall ? noted_frame_ : last_frame_)) return false;
    }
    ++seq_;
    event_ = cursor_;
    Put(EventWord(kind, flags, id, static_cast<std::uint32_t>(units - last_units_)));
    if (__builtin_expect(units - anchored_units_ > anchor_interval_, 0)) PutTimes(units);
    last_units_ = units;
    return true;
  }
  // Adds one attachment to the open event. Cuts it, like the tail of a long event, when size > kMaxAttachmentBytes,
  // or when size is 0 for a CBOR kind. Writes CBOR of at most 4 bytes inline. REQUIRES an attachment's kind.
  void Attach(Kind kind, std::uint32_t flags, std::uint32_t id, const void* bytes, std::size_t size) {
    SMILEY_REQUIRES(IsAttachment(kind));
    if (!event_) return;
    if (__builtin_expect(size > kMaxAttachmentBytes || (size == 0 && IsCborKind(kind)), 0)) return CutAttachment();
    const std::size_t payload = PayloadWords(size);
    if (size <= 4 && size > 0 && IsCborKind(kind)) {
      if (!Fits(1) && !Continue(1)) return;
      std::uint32_t inline_bytes = 0;
      std::memcpy(&inline_bytes, bytes, size);
      Put(InlineWord(kind, flags, id, inline_bytes));
      return;
    }
    if (!Fits(1 + payload) && !Continue(1 + payload)) return;
    Put(AttachmentWord(kind, flags, id, static_cast<std::uint32_t>(size)));
    if (payload) {
      cursor_[payload - 1] = 0;
      std::memcpy(cursor_, bytes, size);
      cursor_ += payload;
    }
  }
  // Adds CBOR that fits in two words. The bytes after its end are zero. REQUIRES a CBOR kind and 1 <= size <= 16.
  void AttachShort(Kind kind, std::uint32_t id, const std::uint64_t (&cbor)[2], std::size_t size) {
    SMILEY_REQUIRES(IsCborKind(kind) && size >= 1 && size <= sizeof cbor);
    if (!event_) return;
    if (size <= 4) {
      if (!Fits(1) && !Continue(1)) return;
      return Put(InlineWord(kind, 0, id, static_cast<std::uint32_t>(cbor[0])));
    }
    const std::size_t payload = PayloadWords(size);
    if (!Fits(1 + payload) && !Continue(1 + payload)) return;
    Put(AttachmentWord(kind, 0, id, static_cast<std::uint32_t>(size)));
    Put(cbor[0]);
    if (payload > 1) Put(cbor[1]);
  }
  // Adds raw payload words, for example of kFrame. Begin itself writes kTime and kAnchor. REQUIRES an attachment's
  // kind and count <= kMaxAttachmentBytes / kWordBytes.
  void AttachWords(Kind kind, std::uint32_t id, const std::uint64_t* words, std::size_t count) {
    SMILEY_REQUIRES(IsAttachment(kind) && count <= kMaxAttachmentBytes / kWordBytes);
    if (!event_) return;
    if (!Fits(1 + count) && !Continue(1 + count)) return;
    Put(AttachmentWord(kind, 0, id, static_cast<std::uint32_t>(count * kWordBytes)));
    std::memcpy(cursor_, words, count * kWordBytes);
    cursor_ += count;
  }
  // Publishes the event.
  void Commit() {
    if (!event_) return;
    SMILEY_TEST_POINT("ring.words_written");
    event_ = nullptr;
    write_pos_->store(lap_ + static_cast<std::uint64_t>(cursor_ - words_), SMILEY_PUBLISH_ORDER);
    SMILEY_TEST_POINT("ring.published");
  }

  // Notes the frame id of a call, for block headers. The tracer calls it at each call event, before Begin. True: the
  // tracer must attach the frame id (kFrame), because it is not the previous one + 1.
  bool NoteCallFrame(std::uint64_t frame) {
    const bool attach = frame != last_frame_ + 1;
    noted_frame_ = last_frame_;
    last_frame_ = frame;
    return attach;
  }

  std::uint64_t last_seq() const { return seq_; }  // seq of the latest event, lost ones included
  std::uint64_t lost() const { return lost_; }     // events lost so far in this thread
  // Changes when the reader may have lost events or attachments: a loss ended, an event's tail was cut, overwriting
  // passed a quarter of the ring, or a new thread began. The tracer then sends full values again.
  std::uint32_t epoch() const { return epoch_; }
  Segment& segment() { return *segment_; }

 private:
  // Maximum number of words that Begin writes: the event word, kTime (2), kAnchor (2).
  static constexpr std::ptrdiff_t kMinRoom = 5;

  bool Fits(std::size_t words) const { return static_cast<std::size_t>(block_end_ - cursor_) >= words; }
  void Put(std::uint64_t word) { *cursor_++ = word; }

  bool OpenBlock(std::uint64_t units, std::uint64_t last_frame);  // slow path of Begin; false: the event is lost
  bool Continue(std::size_t words);  // slow path of Attach: continues in the next block, or cuts the event's tail
  void CutAttachment();
  void PutTimes(std::uint64_t units);  // writes kTime and kAnchor of the open event
  bool HasRoom();                      // whether the next block may be opened
  bool WaitForRoom();
  void Enter(std::uint64_t first_seq, std::uint64_t units, std::uint64_t last_frame);
  void Leave();  // pads the open block and publishes it to its end
  std::uint64_t* RealEnd() const { return words_ + (((next_block_ - 1) & (block_count_ - 1)) + 1) * kBlockWords; }
  void CountLost(std::uint64_t units);
  void WriteLoss(std::uint64_t last_frame);  // enters a block and writes the pending loss as its first event

  std::unique_ptr<Segment> segment_;
  Clock clock_;
  Options options_;
  std::atomic<std::uint64_t>* write_pos_ = nullptr;
  std::uint64_t* words_ = nullptr;      // the start of the ring's data
  std::uint64_t* cursor_ = nullptr;     // the place of the next word
  std::uint64_t* block_end_ = nullptr;  // == cursor_ when there is no open block, or its rest may not be used
  std::uint64_t* event_ = nullptr;      // the word of the open event, or its last kMore word; null: none, or lost
  std::uint64_t lap_ = 0;               // position = lap_ + (cursor_ - words_)
  std::uint64_t next_block_ = 0;        // number of the block to open next
  std::uint64_t block_count_ = 0;
  std::uint64_t seq_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t announced_ = 0;  // the part of lost_ that kLost events hold
  std::uint64_t last_units_ = 0;
  std::uint64_t anchored_units_ = 0;
  std::uint64_t anchor_interval_ = 0;
  std::uint64_t last_frame_ = 0;
  std::uint64_t noted_frame_ = 0;  // last_frame_ before the latest call event
  std::uint64_t cached_read_block_ = 0;
  std::uint64_t continued_blocks_ = 0;  // number of further blocks of the open event
  std::uint32_t thread_ = 0;
  std::uint32_t epoch_ = 0;
  OnFull on_full_ = OnFull::kBlock;
  bool open_ = false;    // a block is open (it may be full)
  bool losing_ = false;  // the ring is full, and events are being lost
};

}  // namespace smiley::shm
