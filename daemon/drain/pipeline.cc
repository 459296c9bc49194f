#include "daemon/drain/pipeline.h"

#include <concurrentqueue.h>

#include <algorithm>
#include <iterator>

#include "daemon/run/piece_scan.h"
#include "shm/base/test_point.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kCommitBytes = 4u << 20;  // batches are joined up to about this size
constexpr auto kRetry = std::chrono::milliseconds(500);

std::size_t BytesOf(const Batch& batch) {
  std::size_t bytes = 256;
  for (const PiecePtr& piece : batch.pieces) bytes += sizeof(Piece) + piece->words.size() * shm::kWordBytes;
  for (const CatalogueEntry& entry : batch.catalogue) bytes += sizeof entry + entry.payload.size();
  for (const auto& [run, source] : batch.sources) bytes += sizeof source + source.text.size();
  return bytes;
}

template <typename T>
void Move(std::vector<T>* from, std::vector<T>* to) {
  if (to->empty()) {
    to->swap(*from);
  } else {
    to->insert(to->end(), std::make_move_iterator(from->begin()), std::make_move_iterator(from->end()));
  }
  from->clear();
}

void Join(Batch from, Batch* to) {
  Move(&from.pieces, &to->pieces);
  Move(&from.catalogue, &to->catalogue);
  Move(&from.cursors, &to->cursors);
  Move(&from.forget_cursors, &to->forget_cursors);
  Move(&from.runs, &to->runs);
  Move(&from.processes, &to->processes);
  Move(&from.threads, &to->threads);
  Move(&from.sources, &to->sources);
  Move(&from.tasks, &to->tasks);
}

}  // namespace

struct Pipeline::Queue {
  moodycamel::ConcurrentQueue<Job> jobs;
  moodycamel::ProducerToken producer{jobs};
};

Pipeline::Pipeline(Store& store, LiveArchive& archive, Options options)
    : store_(store), archive_(archive), options_(std::move(options)), queue_(std::make_unique<Queue>()) {
  thread_ = std::thread([this] { Run(); });
}

Pipeline::~Pipeline() {
  {
    const shm::MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyOne();
  thread_.join();
}

std::uint64_t Pipeline::Push(Batch batch) {
  Job job;
  job.number = pushed_.load(std::memory_order_relaxed) + 1;
  job.bytes = BytesOf(batch);
  job.batch = std::move(batch);
  const std::uint64_t number = job.number;
  in_flight_.fetch_add(job.bytes, std::memory_order_relaxed);
  queue_->jobs.enqueue(queue_->producer, std::move(job));
  SMILEY_TEST_POINT("drain.queued");
  {
    const shm::MutexLock lock(mutex_);
    pushed_.store(number, std::memory_order_release);
  }
  wake_.NotifyOne();
  return number;
}

void Pipeline::Flush() {
  const shm::MutexLock lock(mutex_);
  flush_ = true;
  wake_.NotifyOne();
  while (flush_ || handled_.load() < pushed_.load()) flushed_.Wait(mutex_);
}

Pipeline::Asked Pipeline::Wait(std::optional<std::chrono::steady_clock::time_point> until) {
  const shm::MutexLock lock(mutex_);
  while (!stopping_ && !flush_ && handled_.load() >= pushed_.load()) {
    if (!until) {
      wake_.Wait(mutex_);
    } else if (!wake_.WaitUntil(mutex_, *until)) {
      break;
    }
  }
  return {flush_, stopping_};
}

void Pipeline::Run() {
  bool unsynced = false;
  auto sync_at = std::chrono::steady_clock::now();
  Job job;
  while (true) {
    std::optional<std::chrono::steady_clock::time_point> until;
    if (unsynced)
      until = sync_at;
    else if (keeping_)
      until = std::chrono::steady_clock::now() + kRetry;
    const auto [flushing, stopping] = Wait(until);
    Batch batch;
    std::uint64_t number = 0;
    std::size_t bytes = 0;
    while (bytes < kCommitBytes && queue_->jobs.try_dequeue_from_producer(queue_->producer, job)) {
      bytes += job.bytes;
      number = job.number;
      Join(std::move(job.batch), &batch);
      job.batch = {};
    }
    if (number != 0) {
      Handle(std::move(batch), number);
      in_flight_.fetch_sub(bytes, std::memory_order_relaxed);
      unsynced = true;
      if (options_.progress) options_.progress();
    } else {
      if (keeping_ && (flushing || stopping || std::chrono::steady_clock::now() >= retry_at_) && StoreKept()) {
        stored_.store(handled_.load(), std::memory_order_release);
        if (options_.progress) options_.progress();
      }
      if (flushing || stopping) {
        (void)store_.SyncLog().ok();  // a failure shows again at the next sync
        unsynced = false;
        const shm::MutexLock lock(mutex_);
        if (handled_.load() >= pushed_.load()) flush_ = false;
        flushed_.NotifyAll();
      }
      if (stopping) return;
    }
    if (unsynced && std::chrono::steady_clock::now() >= sync_at) {
      (void)store_.SyncLog().ok();
      unsynced = false;
      sync_at = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    }
  }
}

void Pipeline::Handle(Batch batch, std::uint64_t number) {
  bool kept = false;
  if (keeping_) {
    const bool try_now = std::chrono::steady_clock::now() >= retry_at_;
    if (!try_now || !StoreKept()) {
      Keep(std::move(batch), Status(Code::kNoSpace, store_.Problem()));
      kept = true;
    }
  }
  if (!kept) {
    // NOLINTNEXTLINE(bugprone-use-after-move): Keep took it, and then `kept` is true.
    batch.before_write = [this, &batch](std::uint64_t first) { archive_.StoreArrivals(batch.pieces, first); };
    const Status status = store_.Commit(batch);
    batch.before_write = nullptr;
    if (status.ok()) {
      archive_.StoreDone(batch);
    } else {
      Keep(std::move(batch), status);
      kept = true;
    }
  }
  handled_.store(number, std::memory_order_release);
  if (!kept) stored_.store(number, std::memory_order_release);
  SMILEY_TEST_POINT("drain.handled");
}

// Takes a batch that cannot be stored now: counts its pieces as losses of their threads, keeps everything else.
void Pipeline::Keep(Batch batch, const Status& why) {
  if (!keeping_) {
    keeping_ = true;
    for (const RunInfo& live : archive_.LiveRuns()) {
      archive_.ChangeRun(live.id, [&](RunInfo& info) {
        info.flawed = true;
        info.notes.push_back("events were lost while the store could not be written: " + why.message());
      });
    }
  }
  retry_at_ = std::chrono::steady_clock::now() + kRetry;
  for (const PiecePtr& piece : batch.pieces) {
    if (piece->events + piece->lost == 0) continue;
    Loss& loss = losses_[{piece->run, piece->thread}];
    const auto units = [&piece](std::int64_t ns) {
      const auto since = static_cast<std::int64_t>(static_cast<std::uint64_t>(ns) -
                                                   static_cast<std::uint64_t>(piece->time.anchor_ns));
      return piece->time.anchor_units +
             static_cast<std::uint64_t>(Whole(static_cast<double>(since) / piece->time.ns_per_unit));
    };
    if (loss.count == 0) {
      loss.piece.run = piece->run;
      loss.piece.process = piece->process;
      loss.piece.thread = piece->thread;
      loss.piece.state = piece->state;
      loss.piece.time = piece->time;
      loss.first = piece->first_seq;
      loss.first_units = units(piece->first_ns);
    }
    loss.count = piece->last_seq + 1 - loss.first;
    loss.last_units = units(piece->last_ns);
  }
  archive_.StoreLost(batch.pieces);
  batch.pieces.clear();
  for (SegmentCursor& cursor : batch.cursors) kept_cursors_[cursor.segment] = cursor.position;
  batch.cursors.clear();
  for (const std::string& segment : batch.forget_cursors) kept_cursors_.erase(segment);
  Join(std::move(batch), &kept_);
}

bool Pipeline::StoreKept() {
  Batch batch = kept_;
  // The latest records of the runs, with the note.
  for (const RunInfo& live : archive_.LiveRuns()) {
    if (auto info = archive_.ChangeRun(live.id, nullptr)) batch.runs.push_back(std::move(*info));
  }
  for (const auto& [segment, position] : kept_cursors_) batch.cursors.push_back({segment, position});
  for (const auto& [thread, loss] : losses_) {
    Piece piece =
        MakeLossPiece(loss.piece.state, loss.piece.time, loss.first, loss.count, loss.first_units, loss.last_units);
    piece.run = loss.piece.run;
    piece.process = loss.piece.process;
    piece.thread = loss.piece.thread;
    batch.pieces.push_back(std::make_shared<Piece>(std::move(piece)));
  }
  const Status status = store_.Commit(batch);
  if (!status.ok()) {
    retry_at_ = std::chrono::steady_clock::now() + kRetry;
    return false;
  }
  batch.pieces.clear();
  archive_.StoreDone(batch);
  keeping_ = false;
  kept_ = {};
  kept_cursors_.clear();
  losses_.clear();
  return true;
}

}  // namespace smiley::daemon
