// Thread rule: one RingWriter per traced thread, used by that thread only. Never blocks by itself: when the
// ring is full and its policy is kBlock, the `wait` callback decides how long to wait and whether to give up.
//
// Producer side of one ring. An event and its attachments are written with plain stores into the current block
// and become visible together with one release store of write_pos (Commit). The fullness test happens once
// per block. See FORMAT.md for blocks, continuation (kMore), loss and overwrite.
//
//   writer.Begin(Kind::kLine, 0, line, clock.NowUnits());
//   writer.Attach(Kind::kSet, 0, name, cbor, size);      // any number
//   writer.Commit();
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>

#include "shm/format.h"
#include "shm/segment.h"

namespace smiley::shm {

// The innermost frames of the thread, kept by the tracer, copied into each block's header.
class OpenFrames {
 public:
  virtual ~OpenFrames() = default;
  // Fills `out` (innermost first, at most kShownFrames) and returns the full depth.
  virtual std::uint32_t Snapshot(OpenFrame* out) const = 0;
};

class RingWriter {
 public:
  // Called when the ring is full under kBlock: returns true to test again, false to lose events from here on
  // (until a block is free). May sleep, release the GIL, start the daemon. Called again and again.
  using WaitFn = bool (*)(void* context);

  struct Options {
    WaitFn wait = nullptr;
    void* wait_context = nullptr;
    const OpenFrames* frames = nullptr;  // outlives the writer; may be null
  };

  // Takes ownership of a live ring segment made by this process (or handed back by an ended thread).
  RingWriter(std::unique_ptr<Segment> segment, const Clock& clock, const Options& options);
  ~RingWriter();

  // Gives the ring to thread `number` (from 1), whose next event has seq `next_seq`; opens a new block lazily.
  void StartThread(std::uint32_t number, std::uint64_t next_seq);
  // Pads the block, publishes, marks the ring idle (thread = 0). The segment can then be taken by Release().
  void EndThread();
  std::unique_ptr<Segment> Release();

  // Begins the event with the thread's next seq at time `units` (never below the previous one: it is clamped).
  // Always counts the event. Returns false when it is being lost: Attach and Commit are then no-ops.
  bool Begin(Kind kind, std::uint32_t flags, std::uint32_t id, std::uint64_t units);
  // REQUIRES size <= kMaxAttachmentBytes. CBOR of at most 4 bytes goes inline by itself for the CBOR kinds.
  void Attach(Kind kind, std::uint32_t flags, std::uint32_t id, const void* bytes, std::size_t size);
  // Raw payload words (kTime, kAnchor, kFrame, kLoss).
  void AttachWords(Kind kind, std::uint32_t id, const std::uint64_t* words, std::size_t count);
  // Publishes the event.
  void Commit();

  // Frame id bookkeeping for headers: the tracer calls it at each call event, before Begin; returns true when
  // the frame id has to be attached (kFrame) because it is not last + 1.
  bool NoteCallFrame(std::uint64_t frame) {
    const bool attach = frame != last_frame_ + 1;
    last_frame_ = frame;
    return attach;
  }

  std::uint64_t last_seq() const { return seq_; }       // seq of the latest event, lost ones included
  std::uint64_t lost() const { return lost_; }          // events lost so far in this thread
  // Changes each time the reader may have lost events (loss ended, overwrite passed a quarter of the ring):
  // the tracer then forgets what it believed the reader knows.
  std::uint32_t epoch() const { return epoch_; }
  Segment& segment() { return *segment_; }

 private:
  bool OpenBlock(std::uint64_t units);       // slow path: makes room, writes the header
  void Put(std::uint64_t word) { cursor_[0] = word; ++cursor_; }
  std::unique_ptr<Segment> segment_;
  Clock clock_;
  Options options_;
  // (private state: owned by the implementation)
  std::uint64_t* words_ = nullptr;
  std::uint64_t* cursor_ = nullptr;
  std::uint64_t* block_end_ = nullptr;
  std::uint64_t seq_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t last_units_ = 0;
  std::uint64_t last_frame_ = 0;
  std::uint32_t epoch_ = 0;
};

}  // namespace smiley::shm
