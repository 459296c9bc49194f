// Thread rule: belongs to the drainer's thread; drained() may be called from any thread.
//
// Takes words out of rings and makes pieces of them: blocks in order, a loss wherever numbers are missing, and in the
// fast case one stored piece a block.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "daemon/drain/agenda.h"
#include "daemon/drain/catalogue_drain.h"
#include "daemon/drain/clock_rate.h"
#include "daemon/drain/outbox.h"
#include "daemon/drain/progress.h"
#include "daemon/live/live_archive.h"
#include "daemon/live/live_feed.h"

namespace smiley::daemon {

class RingDrain {
 public:
  // All references must outlive the object.
  RingDrain(LiveArchive& archive, LiveFeed& feed, CatalogueDrain& catalogues, Outbox& outbox, Agenda& agenda)
      : archive_(archive), feed_(feed), catalogues_(catalogues), outbox_(outbox), agenda_(agenda) {}

  // Drains at most `max_blocks` blocks. Reads the catalogue after the words of a block, so that it has every id in
  // them. True: the ring is empty. False: blocks are left, because of the limit, or because the pipeline has no room.
  // REQUIRES that the process has a number.
  bool Drain(ProcessProgress* process, RingProgress* ring, std::size_t max_blocks);
  // Adds the growing piece, if there is one, to the batch.
  void ClosePiece(RingProgress* ring);
  // Takes over the loss that the producer counted and could not write, closes the piece, and queues the cursor.
  // REQUIRES that the ring is drained, and that its producer is dead or done with it.
  void Finish(ProcessProgress* process, RingProgress* ring);
  // Events drained so far, of all runs. Any thread.
  std::uint64_t drained() const { return drained_.load(std::memory_order_relaxed); }

 private:
  void Rewalk(ProcessProgress* process, RingProgress* ring, std::uint64_t cursor);
  void DrainBefore(ProcessProgress* process, RingProgress* before, RingProgress* ring);
  bool EnterBlock(ProcessProgress* process, RingProgress* ring, const shm::BlockPart& part);
  void SetScanner(RingProgress* ring, const shm::BlockPart& part);
  void TakePart(ProcessProgress* process, RingProgress* ring, shm::BlockPart part);
  void ScanPart(ProcessProgress* process, RingProgress* ring, shm::BlockPart* part);
  void NoteUncaught(ProcessProgress* process, RingProgress* ring, std::string_view exception, std::uint32_t code);
  void AddPart(ProcessProgress* process, RingProgress* ring, Piece piece);
  void AddLoss(ProcessProgress* process, ThreadProgress* thread, Piece loss);
  void TakePendingLoss(ProcessProgress* process, RingProgress* ring);

  LiveArchive& archive_;
  LiveFeed& feed_;
  CatalogueDrain& catalogues_;
  Outbox& outbox_;
  Agenda& agenda_;
  const ClockRate clock_rate_;
  std::atomic<std::uint64_t> drained_{0};
};

}  // namespace smiley::daemon
