// Ring words to pieces: blocks in order, losses where there are gaps, one stored piece a block in the fast case.
#include <algorithm>
#include <chrono>
#include <utility>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "daemon/drain/drainer.h"
#include "shm/base/test_point.h"
#include "shm/cbor.h"
#include "shm/clock.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kBatchBytes = 1u << 20;  // a batch of about this size goes to the pipeline at once
constexpr std::uint64_t kCalibrationNs = 50'000'000;

}  // namespace

double Drainer::NsPerUnit(const shm::SegmentHeader& header) {
  const auto unit = static_cast<double>(std::uint64_t{1} << std::min<std::uint32_t>(header.unit_shift, 32));
  if (header.clock != shm::ClockSource::kTsc) return unit;
#if defined(__x86_64__)
  const std::uint64_t mono = shm::MonotonicNs(), tsc = __rdtsc();
  if (mono - mono_from_ns_ >= kCalibrationNs && tsc > tsc_from_) {
    return unit * static_cast<double>(mono - mono_from_ns_) / static_cast<double>(tsc - tsc_from_);
  }
#endif
  return unit * 1e9 / static_cast<double>(std::max<std::uint64_t>(header.ticks_per_second, 1));
}

bool Drainer::DrainRing(ProcessState* process, RingState* ring, std::size_t max_blocks) {
  if (ring->rewalk) Rewalk(process, ring, *std::exchange(ring->rewalk, std::nullopt));
  shm::BlockPart part;
  for (std::size_t blocks = 0; blocks < max_blocks; ++blocks) {
    if (!pipeline_->HasRoom()) return false;
    switch (ring->reader->Read(&part)) {
      case shm::ReadState::kEmpty:
        return true;
      case shm::ReadState::kDamagedBlock:
      case shm::ReadState::kOverrun:
        ClosePiece(ring);
        ring->block.reset();
        ring->damaged_before = true;
        ring->drained = part.to;
        QueueCursor(ring, part.to);
        break;
      case shm::ReadState::kData:
        SMILEY_TEST_POINT("drain.copied");
        DrainCatalogue(process);  // after the ring's position: every id of the part is explained by now
        TakePart(process, ring, std::move(part));
        part = {};
        break;
    }
    if (batch_bytes_ > kBatchBytes) PushBatch();
  }
  return false;
}

// The daemon before stored this block up to `cursor`: find out where the thread stands there.
void Drainer::Rewalk(ProcessState* process, RingState* ring, std::uint64_t cursor) {
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
    QueueCursor(ring, part.to);
    return;
  }
  DrainCatalogue(process);
  const std::size_t walked = std::min<std::size_t>(cursor - part.from, part.words.size());
  ring->StandAt(ThreadOf(process, part.header.thread));
  ring->block = part.from / shm::kBlockWords;
  ring->scanner.EnterBlock(part.header);
  ring->scanner.SetNsPerUnit(NsPerUnit(ring->reader->segment().header()));
  const auto scanned = ring->scanner.Scan(part.words.data(), walked);
  (void)ring->scanner.codes().Take();
  (void)ring->scanner.variables().Take();
  if (scanned.damaged || ring->scanner.next_seq() != ring->thread->next_seq) {
    // What was stored does not agree with what is here: nothing of this block can be trusted.
    ring->skip_block = ring->block;
    ring->damaged_before = true;
  }
  ring->thread->ring = ring;
  part.words.erase(part.words.begin(), part.words.begin() + static_cast<std::ptrdiff_t>(walked));
  part.from += walked;
  SMILEY_TEST_POINT("drain.rewalked");
  if (!part.words.empty() || part.block_done) TakePart(process, ring, std::move(part));
}

// The thread went on in `ring` when it was done with `before`: what is in that comes first. Not what others write
// there meanwhile.
void Drainer::DrainBefore(ProcessState* process, RingState* before, RingState* ring) {
  const std::size_t blocks = before->reader->segment().data_bytes() / shm::kBlockBytes;
  ring->in_hand = true;
  while (!DrainRing(process, before, blocks) && !pipeline_->HasRoom()) {
    PushBatch();
    pipeline_->Flush();
  }
  ring->in_hand = false;
}

bool Drainer::EnterBlock(ProcessState* process, RingState* ring, const shm::BlockPart& part) {
  ThreadState* const thread = ThreadOf(process, part.header.thread);
  if (thread->ring != nullptr && thread->ring != ring && !thread->ring->in_hand)
    DrainBefore(process, thread->ring, ring);
  // To a new daemon any ring may hold what comes before.
  for (std::size_t i = 0;
       thread->ring == nullptr && part.header.first_seq > thread->next_seq && i < process->rings.size(); ++i) {
    RingState* const other = process->rings[i].get();
    if (other != ring && !other->in_hand && other->reader->Backlog() > 0) DrainBefore(process, other, ring);
  }
  if (thread->ring != nullptr && thread->ring != ring) ClosePiece(thread->ring);
  const std::uint64_t first = part.header.first_seq;
  if (first < thread->next_seq || first >= shm::kMaxCount) return false;
  ring->StandAt(thread);
  ring->block = part.from / shm::kBlockWords;
  ring->scanner.EnterBlock(part.header);
  ring->scanner.SetNsPerUnit(NsPerUnit(ring->reader->segment().header()));
  if (first > thread->next_seq) {
    const std::uint64_t from = thread->next_seq;
    AddLoss(process, thread, ring->scanner.State(), ring->scanner.Time(), first - from, part.header.base_units,
            part.header.base_units, true);
  }
  thread->ring = ring;
  return true;
}

void Drainer::TakePart(ProcessState* process, RingState* ring, shm::BlockPart part) {
  const std::uint64_t block = part.from / shm::kBlockWords;
  ring->drained = part.to;
  process->run->words += part.words.size();
  any_data_ = true;
  if (ring->skip_block != block && ring->block != block && !EnterBlock(process, ring, part)) {
    ring->skip_block = block;
    ring->damaged_before = true;
  }
  if (ring->skip_block != block) {
    PieceScanner& scanner = ring->scanner;
    Piece piece;
    piece.state = scanner.State();
    piece.time = scanner.Time();
    const auto scanned = scanner.Scan(part.words.data(), part.words.size());
    if (!scanned.uncaught.empty()) NoteUncaught(process, ring, scanned.uncaught, scanned.uncaught_code);
    if (scanned.words > 0) {
      piece.words = std::move(part.words);
      piece.words.resize(scanned.words);
      piece.begins_inside = scanned.begins_inside;
      scanner.Summarize(scanned, &piece);
      AddPart(process, ring, std::move(piece));
    }
    ring->thread->next_seq = scanner.next_seq();
    if (scanned.ends_thread && !ring->thread->info.ended) {
      ring->thread->info.ended = true;
      archive_.DrainThread(process->run->id, ring->thread->info);
      batch_.threads.emplace_back(process->run->id, ring->thread->info);
      process->ended_threads.emplace_back(0, ring->thread->info.local);
    }
    if (scanned.damaged) {
      ClosePiece(ring);
      ring->skip_block = block;
      ring->damaged_before = true;
    }
  }
  if (part.block_done) {
    ClosePiece(ring);
    QueueCursor(ring, part.to);
  }
}

// The exception that left the main module of the run's first process ended it.
void Drainer::NoteUncaught(ProcessState* process, RingState* ring, std::string_view exception, std::uint32_t code) {
  if (process->info.process != 1 || ring->thread->info.local != 1) return;
  const CodeInfo* const left = process->names->FindCode(code);
  if (left == nullptr || left->function != "<module>") return;
  shm::CborReader in(exception);
  std::uint64_t items = 0;
  std::string_view type;
  if (!in.ReadArray(&items) || items < 1 || !in.ReadTextOrBytes(&type)) return;
  if (type == "SystemExit") return;  // an ordinary end
  if (auto info = archive_.ChangeRun(process->run->id, [&](RunInfo& change) { change.uncaught = type; })) {
    batch_.runs.push_back(std::move(*info));
  }
}

void Drainer::AddPart(ProcessState* process, RingState* ring, Piece piece) {
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

void Drainer::AddLoss(ProcessState* process, ThreadState* thread, const shm::BlockHeader& state, const TimeBase& time,
                      std::uint64_t count, std::uint64_t first_units, std::uint64_t last_units, bool damaged) {
  Piece piece = MakeLossPiece(state, time, thread->next_seq, count, first_units, last_units);
  piece.run = process->run->id;
  piece.process = process->info.process;
  piece.thread = thread->info.thread;
  piece.damaged_before = damaged;
  thread->next_seq += count;
  auto shared = std::make_shared<const Piece>(std::move(piece));
  archive_.DrainPart(shared);
  feed_.Publish(shared);
  batch_.pieces.push_back(std::move(shared));
}

void Drainer::ClosePiece(RingState* ring) {
  if (ring->open) {
    PiecePtr piece = std::exchange(ring->open, nullptr);
    archive_.DrainPiece(piece, ring->open_parts);
    batch_bytes_ += piece->words.size() * shm::kWordBytes;
    batch_.pieces.push_back(std::move(piece));
  } else if (ring->single) {
    batch_bytes_ += ring->single->words.size() * shm::kWordBytes;
    batch_.pieces.push_back(std::exchange(ring->single, nullptr));
  } else {
    return;
  }
  ring->open_parts = 0;
  QueueCursor(ring, ring->drained);
  SMILEY_TEST_POINT("drain.closed");
}

void Drainer::QueueCursor(RingState* ring, std::uint64_t position) {
  if (position == ring->queued) return;
  ring->queued = position;
  batch_.cursors.push_back({ring->found.name, position});
  batch_frees_.emplace_back(ring, position);
}

// A loss that the producer counted and could not write any more. REQUIRES everything in the ring to be drained and
// the producer to be dead or done with it.
void Drainer::TakePendingLoss(ProcessState* process, RingState* ring) {
  const shm::RingReader::PendingLoss loss = ring->reader->Pending();
  if (loss.count == 0 || loss.count >= shm::kMaxCount || loss.first >= shm::kMaxCount - loss.count)
    return;  // none, or scribbled on
  ThreadState* const thread = ThreadOf(process, loss.thread);
  if (loss.first < thread->next_seq) return;  // it was written after all, and read
  if (thread->ring != nullptr) ClosePiece(thread->ring);
  PieceScanner scanner(process->wall_minus_mono_ns);
  PieceScanner& from = ring->thread == thread ? ring->scanner : scanner;
  TimeBase time = from.Time();
  if (ring->thread != thread) {
    // The thread never wrote here: its clock is known from the header alone.
    const shm::SegmentHeader& header = ring->reader->segment().header();
    const double unit = NsPerUnit(header);
    time = {0, process->wall_minus_mono_ns, process->wall_minus_mono_ns, unit};
    time = {loss.first_units, NsAt(time, loss.first_units), process->wall_minus_mono_ns, unit};
  }
  shm::BlockHeader state = from.State();
  state.thread = loss.thread;
  AddLoss(process, thread, state, time, loss.first + loss.count - thread->next_seq, loss.first_units, loss.last_units,
          false);
  SMILEY_TEST_POINT("drain.loss_taken");
}

}  // namespace smiley::daemon
