#include "daemon/drain/ring_drain.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "shm/base/requires.h"
#include "shm/base/test_point.h"
#include "shm/cbor.h"

namespace smiley::daemon {

bool RingDrain::Drain(ProcessProgress* process, RingProgress* ring, std::size_t max_blocks) {
  SMILEY_REQUIRES(process->known);
  if (ring->rewalk) Rewalk(process, ring, *std::exchange(ring->rewalk, std::nullopt));
  shm::BlockPart part;
  for (std::size_t blocks = 0; blocks < max_blocks; ++blocks) {
    if (!outbox_.HasRoom()) return false;
    switch (ring->reader->Read(&part)) {
      case shm::ReadState::kEmpty:
        return true;
      case shm::ReadState::kDamagedBlock:
      case shm::ReadState::kOverrun:
        ClosePiece(ring);
        ring->block.reset();
        ring->damaged_before = true;
        ring->drained = part.to;
        outbox_.SetCursor(ring, part.to);
        break;
      case shm::ReadState::kData:
        SMILEY_TEST_POINT("drain.copied");
        catalogues_.Drain(process);  // after the words were read: the catalogue has every id of them by now
        TakePart(process, ring, std::move(part));
        part = {};
        break;
    }
    if (outbox_.IsLarge()) outbox_.Push();
  }
  return false;
}

// An earlier daemon stored the block up to `cursor`: scans the block from its header, to know the thread's state
// there.
void RingDrain::Rewalk(ProcessProgress* process, RingProgress* ring, std::uint64_t cursor) {
  const std::uint64_t inside = cursor % shm::kBlockWords;
  ring->drained = ring->queued = cursor;
  if (inside == 0) return;
  ring->reader->Seek(cursor - inside);
  shm::BlockPart part;
  const shm::ReadState state = ring->reader->Read(&part);
  if (state == shm::ReadState::kEmpty) return;
  if (state != shm::ReadState::kData) {
    ring->damaged_before = true;
    ring->drained = part.to;
    outbox_.SetCursor(ring, part.to);
    return;
  }
  catalogues_.Drain(process);
  const std::size_t walked = std::min<std::size_t>(cursor - part.from, part.words.size());
  ring->SetThread(catalogues_.ThreadOf(process, part.header.thread));
  SetScanner(ring, part);
  const auto scanned = ring->scanner.Scan(part.words.data(), walked);
  (void)ring->scanner.codes().Take();
  (void)ring->scanner.variables().Take();
  if (scanned.damaged || ring->scanner.next_seq() != ring->thread->next_seq) {
    // The store and the ring disagree about the thread: nothing of this block can be trusted.
    ring->skip_block = ring->block;
    ring->damaged_before = true;
  }
  ring->thread->ring = ring;
  part.words.erase(part.words.begin(), part.words.begin() + static_cast<std::ptrdiff_t>(walked));
  part.from += walked;
  SMILEY_TEST_POINT("drain.rewalked");
  if (!part.words.empty() || part.block_done) TakePart(process, ring, std::move(part));
}

// The thread finished with ring `before` and went on in `ring`: drains `before` first, but not the words that other
// threads write to it meanwhile.
void RingDrain::DrainBefore(ProcessProgress* process, RingProgress* before, RingProgress* ring) {
  const std::size_t blocks = before->reader->segment().data_bytes() / shm::kBlockBytes;
  ring->in_hand = true;
  while (!Drain(process, before, blocks) && !outbox_.HasRoom()) outbox_.Flush();
  ring->in_hand = false;
}

void RingDrain::SetScanner(RingProgress* ring, const shm::BlockPart& part) {
  ring->block = part.from / shm::kBlockWords;
  ring->scanner.EnterBlock(part.header);
  ring->scanner.SetNsPerUnit(clock_rate_.NsPerUnit(ring->reader->segment().header()));
}

// False: the block repeats numbers that are drained, or its header cannot be true.
bool RingDrain::EnterBlock(ProcessProgress* process, RingProgress* ring, const shm::BlockPart& part) {
  ThreadProgress* const thread = catalogues_.ThreadOf(process, part.header.thread);
  if (thread->ring != nullptr && thread->ring != ring && !thread->ring->in_hand)
    DrainBefore(process, thread->ring, ring);
  // A new daemon does not know the thread's earlier ring: any ring may hold the words that are missing.
  for (std::size_t i = 0;
       thread->ring == nullptr && part.header.first_seq > thread->next_seq && i < process->rings.size(); ++i) {
    RingProgress* const other = process->rings[i].get();
    if (other != ring && !other->in_hand && other->reader->Backlog() > 0) DrainBefore(process, other, ring);
  }
  if (thread->ring != nullptr && thread->ring != ring) ClosePiece(thread->ring);
  const std::uint64_t first = part.header.first_seq;
  if (first < thread->next_seq || first >= shm::kMaxCount) return false;
  ring->SetThread(thread);
  SetScanner(ring, part);
  if (first > thread->next_seq) {
    Piece loss = MakeLossPiece(ring->scanner.State(), ring->scanner.Time(), thread->next_seq,
                               first - thread->next_seq, part.header.base_units, part.header.base_units);
    loss.damaged_before = true;
    AddLoss(process, thread, std::move(loss));
  }
  thread->ring = ring;
  return true;
}

void RingDrain::TakePart(ProcessProgress* process, RingProgress* ring, shm::BlockPart part) {
  const std::uint64_t block = part.from / shm::kBlockWords;
  ring->drained = part.to;
  process->run->words += part.words.size();
  agenda_.nap.ObserveData();
  if (ring->skip_block != block && ring->block != block && !EnterBlock(process, ring, part)) {
    ring->skip_block = block;
    ring->damaged_before = true;
  }
  if (ring->skip_block != block) ScanPart(process, ring, &part);
  if (part.block_done) {
    ClosePiece(ring);
    outbox_.SetCursor(ring, part.to);
  }
}

// Adds the readable words of the part to the growing piece.
void RingDrain::ScanPart(ProcessProgress* process, RingProgress* ring, shm::BlockPart* part) {
  PieceScanner& scanner = ring->scanner;
  Piece piece;
  piece.state = scanner.State();
  piece.time = scanner.Time();
  const auto scanned = scanner.Scan(part->words.data(), part->words.size());
  if (!scanned.uncaught.empty()) NoteUncaught(process, ring, scanned.uncaught, scanned.uncaught_code);
  if (scanned.words > 0) {
    piece.words = std::move(part->words);
    piece.words.resize(scanned.words);
    piece.begins_inside = scanned.begins_inside;
    scanner.Summarize(scanned, &piece);
    AddPart(process, ring, std::move(piece));
  }
  ring->thread->next_seq = scanner.next_seq();
  if (scanned.ends_thread && !ring->thread->info.ended) {
    catalogues_.EndThread(process, ring->thread);
    process->ended_threads.emplace_back(0, ring->thread->info.local);
  }
  if (scanned.damaged) {
    ClosePiece(ring);
    ring->skip_block = ring->block;
    ring->damaged_before = true;
  }
}

// Notes the type of an exception that left the main module of the run's first process: it ended the program.
void RingDrain::NoteUncaught(ProcessProgress* process, RingProgress* ring, std::string_view exception,
                             std::uint32_t code) {
  if (process->info.process != 1 || ring->thread->info.local != 1) return;
  const CodeRecord* const left = process->names->FindCode(code);
  if (left == nullptr || left->function != "<module>") return;
  shm::CborReader in(exception);
  std::uint64_t items = 0;
  std::string_view type;
  if (!in.ReadArray(&items) || items < 1 || !in.ReadTextOrBytes(&type)) return;
  if (type == "SystemExit") return;  // an ordinary end
  outbox_.AddRun(archive_.ChangeRun(process->run->id, [&](RunInfo& change) { change.uncaught = type; }));
}

void RingDrain::AddPart(ProcessProgress* process, RingProgress* ring, Piece piece) {
  RunProgress* const run = process->run;
  piece.run = run->id;
  piece.process = process->info.process;
  piece.thread = ring->thread->info.thread;
  piece.damaged_before = std::exchange(ring->damaged_before, false);
  run->last_ns = std::max(run->last_ns, piece.last_ns);
  run->events += piece.events;
  drained_.store(drained() + piece.events, std::memory_order_relaxed);
  auto part = std::make_shared<const Piece>(std::move(piece));
  archive_.DrainPart(part);
  feed_.Publish(part);
  if (!ring->single && !ring->open) {
    ring->single = std::move(part);
    ring->open_parts = 1;
    ring->open_since = std::chrono::steady_clock::now();
    return;
  }
  if (!ring->open) ring->open = std::make_shared<Piece>(*std::exchange(ring->single, nullptr));
  AppendPart(*part, ring->open.get());
  ++ring->open_parts;
}

void RingDrain::AddLoss(ProcessProgress* process, ThreadProgress* thread, Piece loss) {
  loss.run = process->run->id;
  loss.process = process->info.process;
  loss.thread = thread->info.thread;
  thread->next_seq += loss.lost;
  auto shared = std::make_shared<const Piece>(std::move(loss));
  archive_.DrainPart(shared);
  feed_.Publish(shared);
  outbox_.AddPiece(std::move(shared));
}

void RingDrain::ClosePiece(RingProgress* ring) {
  if (ring->open) {
    PiecePtr piece = std::exchange(ring->open, nullptr);
    archive_.DrainPiece(piece, ring->open_parts);
    outbox_.AddPiece(std::move(piece));
  } else if (ring->single) {
    outbox_.AddPiece(std::exchange(ring->single, nullptr));
  } else {
    return;
  }
  ring->open_parts = 0;
  outbox_.SetCursor(ring, ring->drained);
  SMILEY_TEST_POINT("drain.closed");
}

void RingDrain::Finish(ProcessProgress* process, RingProgress* ring) {
  TakePendingLoss(process, ring);
  ClosePiece(ring);
  outbox_.SetCursor(ring, ring->drained);
}

// A loss that the producer counted in the ring's header and could not write to the ring any more.
void RingDrain::TakePendingLoss(ProcessProgress* process, RingProgress* ring) {
  const shm::RingReader::PendingLoss loss = ring->reader->Pending();
  if (loss.count == 0 || loss.count >= shm::kMaxCount || loss.first >= shm::kMaxCount - loss.count)
    return;  // none, or not a loss that a producer can have counted
  ThreadProgress* const thread = catalogues_.ThreadOf(process, loss.thread);
  if (loss.first < thread->next_seq) return;  // the producer wrote the loss after all, and it has been drained
  if (thread->ring != nullptr) ClosePiece(thread->ring);
  const PieceScanner fresh(process->wall_minus_mono_ns);
  const PieceScanner& from = ring->thread == thread ? ring->scanner : fresh;
  TimeBase time = from.Time();
  if (ring->thread != thread) {
    // The thread never wrote to this ring: only the header describes the clock.
    const double unit = clock_rate_.NsPerUnit(ring->reader->segment().header());
    time = {0, process->wall_minus_mono_ns, process->wall_minus_mono_ns, unit};
    time = {loss.first_units, NsAt(time, loss.first_units), process->wall_minus_mono_ns, unit};
  }
  shm::BlockHeader state = from.State();
  state.thread = loss.thread;
  AddLoss(process, thread,
          MakeLossPiece(state, time, thread->next_seq, loss.first + loss.count - thread->next_seq, loss.first_units,
                        loss.last_units));
  SMILEY_TEST_POINT("drain.loss_taken");
}

}  // namespace smiley::daemon
