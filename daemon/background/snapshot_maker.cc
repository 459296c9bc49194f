#include "daemon/background/snapshot_maker.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "daemon/analysis/stored_stats.h"
#include "daemon/background/heap.h"
#include "daemon/protocol/producer.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::chrono::seconds kLookEvery{3};
// A run that is going on gets further snapshots after so many new events.
constexpr std::uint64_t kWorthwhile = 2'000'000;

// The runs that have a maker now. A snapshot leaves out frames that have not changed since the snapshot before. So
// two makers of one run, or a maker whose earlier snapshots are removed meanwhile, would leave frames without
// variables.
class Claims {
 public:
  using Key = std::pair<const Store*, std::string>;
  // False: another maker has the run. `insist`: that maker must stop.
  bool Take(const Key& key, bool insist) {
    const shm::MutexLock lock(mutex_);
    const auto [claim, fresh] = claims_.try_emplace(key, false);
    if (!fresh && insist) claim->second = true;
    return fresh;
  }
  bool ShallGiveWay(const Key& key) {
    const shm::MutexLock lock(mutex_);
    const auto claim = claims_.find(key);
    return claim != claims_.end() && claim->second;
  }
  void Give(const Key& key) {
    const shm::MutexLock lock(mutex_);
    claims_.erase(key);
  }
  static Claims& Get() {
    static Claims claims;
    return claims;
  }

 private:
  shm::Mutex mutex_;
  std::map<Key, bool> claims_ SMILEY_GUARDED_BY(mutex_);
};

}  // namespace

SnapshotMaker::~SnapshotMaker() {
  if (claimed_) Claims::Get().Give({&store_, run_});
}

// Claims the run and reads its threads. False: another maker has to stop first.
Result<bool> SnapshotMaker::Begin() {
  if (!claimed_) {
    claimed_ = Claims::Get().Take({&store_, run_}, rebuild_);
    if (!claimed_ && rebuild_) return false;
    if (!claimed_) return Status(Code::kBusy, "snapshots of run " + run_ + " are already being taken");
  } else if (!rebuild_ && Claims::Get().ShallGiveWay({&store_, run_})) {
    return Status(Code::kBusy, "snapshots of run " + run_ + " are being rebuilt");
  }
  if (opened_) return true;
  opened_ = true;
  if (rebuild_) {
    if (Status status = store_.ClearDerived(run_); !status) return status;
  }
  auto threads = store_.archive().Threads(run_);
  if (!threads) return threads.status();
  threads_ = std::move(*threads);
  return true;
}

Status SnapshotMaker::Open(Thread* thread) {
  Archive& archive = store_.archive();
  auto names = archive.NamesOf(run_, thread->info.process);
  if (!names) return names.status();
  thread->decoder = std::make_unique<Decoder>(std::move(*names));
  const std::uint32_t number = thread->info.thread;
  const std::string key = ProgressKey(number);
  auto progress = archive.LastDerived(run_, key, key + '\0');
  if (!progress) return progress.status();
  if (!*progress || !DecodeProgress((*progress)->second, &thread->progress)) return Status::Ok();
  const std::uint64_t seq = thread->progress.next_seq;
  auto last = archive.LastDerived(run_, SnapshotKey(number, seq), SnapshotKey(number, seq + 1));
  if (!last) return last.status();
  ThreadSnapshot snapshot;
  if (!*last || !DecodeSnapshot((*last)->second, &snapshot)) {
    thread->progress = {};
    return Status::Ok();
  }
  thread->decoder->Restore(snapshot, MakeFrameLoader(archive, run_, snapshot));
  thread->next_first = seq;
  return Status::Ok();
}

Status SnapshotMaker::Load(Thread* thread) {
  auto entries = store_.archive().Index(run_, thread->info.thread, thread->next_first, kBatch);
  if (!entries) return entries.status();
  const std::size_t size = entries->size();
  const std::uint64_t last_first = entries->empty() ? 0 : entries->back().piece->first_seq;
  const std::uint64_t last_arrival = entries->empty() ? 0 : entries->back().arrival;
  if (thread->last_arrival != 0) {
    const auto known = std::find_if(entries->begin(), entries->end(),
                                    [&](const PieceEntry& entry) { return entry.arrival == thread->last_arrival; });
    if (known != entries->end()) entries->erase(entries->begin(), known + 1);
  } else if (thread->next_first > 1) {
    // Goes on from a snapshot: of the pieces with this first seq, the last one holds the event.
    while (entries->size() > 1 && (*entries)[1].piece->first_seq == thread->next_first)
      entries->erase(entries->begin());
  }
  thread->loaded_all = size < kBatch || last_first == thread->next_first;
  thread->next_first = last_first;
  thread->last_arrival = last_arrival;
  std::reverse(entries->begin(), entries->end());
  thread->entries = std::move(*entries);
  return Status::Ok();
}

Status SnapshotMaker::Take(Thread* thread) {
  const std::uint32_t number = thread->info.thread;
  const ThreadSnapshot snapshot = thread->decoder->TakeSnapshot(number);
  std::vector<DerivedItem> items;
  std::uint64_t bytes = 0;
  thread->decoder->TakeChangedFrames(number, [&](std::uint64_t frame, const FrameSnapshot& state) {
    items.emplace_back(FrameKey(number, frame, snapshot.next_seq), EncodeFrame(state));
  });
  items.emplace_back(SnapshotKey(number, snapshot.next_seq), EncodeSnapshot(snapshot));
  for (const auto& [key, value] : items) bytes += key.size() + value.size();
  thread->progress.next_seq = snapshot.next_seq;
  thread->progress.bytes += bytes;
  items.emplace_back(ProgressKey(number), EncodeProgress(thread->progress));
  thread->last_bytes = bytes;
  thread->pieces_since = 0;
  ++snapshots_;
  bytes_ += bytes;
  return store_.PutDerived(run_, items);
}

Result<bool> SnapshotMaker::Step() {
  StepLimit limit;
  const std::string nothing;
  auto may = Begin();
  if (!may) return may.status();
  if (!*may) return false;
  Event event;
  while (true) {
    if (at_ == nullptr) {
      if (next_thread_ == threads_.size()) {
        Claims::Get().Give({&store_, run_});
        claimed_ = false;
        return true;
      }
      at_ = std::make_unique<Thread>();
      at_->info = threads_[next_thread_++];
      if (at_->info.events + at_->info.lost < options_.least_events) {
        at_.reset();
        continue;
      }
      if (Status status = Open(at_.get()); !status) return status;
    }
    // The remaining events of the current piece.
    bool more = false;
    while (at_->decoder->Next(&event)) {
      if (limit.Reached(nothing)) {
        more = true;
        break;
      }
    }
    if (more) return false;
    if (at_->entries.empty()) {
      if (at_->loaded_all) {
        at_.reset();
        continue;
      }
      if (Status status = Load(at_.get()); !status) return status;
      continue;
    }
    const PieceEntry entry = std::move(at_->entries.back());
    at_->entries.pop_back();
    // Pieces that were stored after the names were read may refer to names that are unknown here.
    if (entry.piece->last_seq > at_->info.events + at_->info.lost) {
      at_.reset();
      continue;
    }
    auto piece = store_.archive().ReadPiece(run_, entry);
    if (!piece) {
      if (piece.status().code() == Code::kDamaged) continue;
      return piece.status();
    }
    const bool inside = (*piece)->begins_inside;
    const bool follows = !(*piece)->damaged_before && !at_->fresh &&
                         inside == at_->decoder->HoldsBack(at_->info.thread) &&
                         at_->decoder->TakeSnapshot(at_->info.thread).next_seq == (*piece)->state.first_seq;
    const SnapshotProgress& progress = at_->progress;
    const bool due = at_->pieces_since >= options_.pieces &&
                     (progress.bytes + at_->last_bytes) * options_.one_part_of <= progress.chunk_bytes;
    if (due && follows && !inside) {
      if (Status status = Take(at_.get()); !status) return status;
    }
    at_->fresh = false;
    ++pieces_;
    ++at_->pieces_since;
    at_->progress.chunk_bytes += entry.bytes;
    at_->decoder->Start(std::move(*piece));
    // An event may go on in the next piece, in regular programs at thousands of pieces in a row. Then the snapshot is
    // taken behind that event.
    if (due && follows && inside && at_->decoder->Next(&event)) {
      if (Status status = Take(at_.get()); !status) return status;
      at_->pieces_since = 1;  // this piece lies behind the snapshot
    }
  }
}

SnapshotKeeper::SnapshotKeeper(Store& store, Watch watch)
    : store_(store), watch_(std::move(watch)), worker_([this] { Work(); }) {}

SnapshotKeeper::~SnapshotKeeper() {
  {
    const shm::MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  worker_.join();
}

// False: the keeper has to stop.
bool SnapshotKeeper::Wait(BackgroundPace::Clock::duration time) {
  const auto until = BackgroundPace::Clock::now() + time;
  const shm::MutexLock lock(mutex_);
  while (!stopping_ && wake_.WaitUntil(mutex_, until)) {
  }
  return !stopping_;
}

// False: the keeper has to stop. After an error it tries again when the run has more events.
template <typename Maker>
bool SnapshotKeeper::Make(Maker* maker) {
  while (true) {
    const auto began = BackgroundPace::Clock::now();
    const auto done = maker->Step();
    if (!done || *done) return true;
    if (!Wait(pace_.Rest(watch_.recorded(), watch_.asked(), began, BackgroundPace::Clock::now()))) return false;
  }
}

void SnapshotKeeper::Work() {
  // Recorded programs and answers come first. SCHED_IDLE would be too low: this thread holds locks of the store now
  // and then, and other threads must not wait for them until the machine is idle.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10);
  while (Wait(kLookEvery)) {
    for (const RunInfo& run : store_.archive().Runs()) {
      const std::uint64_t events = run.events + run.lost;
      std::uint64_t& done = done_[run.id];
      const bool more = run.state == RunState::kEnded ? events != done : events >= done + kWorthwhile;
      if (run.state == RunState::kImporting || !more || events < SnapshotOptions().least_events) continue;
      {
        StatsMaker stats(store_, run.id, SnapshotOptions().least_events);
        if (run.state == RunState::kEnded && !Make(&stats)) return;
        SnapshotMaker snapshots(store_, run.id);
        if (!Make(&snapshots)) return;
      }
      GiveBackHeap();
      done = events;
    }
  }
}

}  // namespace smiley::daemon
