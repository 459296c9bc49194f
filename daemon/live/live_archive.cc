#include "daemon/live/live_archive.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace smiley::daemon {
namespace {

std::uint64_t BytesOf(const Piece& piece) { return sizeof(Piece) + piece.words.size() * shm::kWordBytes; }

}  // namespace

// Reads the stored pieces first, then the tail as it is when the stored pieces are read.
class LiveCursor : public PieceCursor {
 public:
  LiveCursor(const LiveArchive* archive, std::unique_ptr<StoredCursor> stored, std::string run, std::uint32_t thread,
             std::uint64_t from_seq)
      : archive_(archive), stored_(std::move(stored)), run_(std::move(run)), thread_(thread), from_seq_(from_seq) {}

  Result<PiecePtr> Next() override {
    while (!in_tail_) {
      auto piece = stored_->Next();
      if (!piece.ok()) return piece;
      if (*piece) return piece;
      if (looked_) {
        in_tail_ = true;
        break;
      }
      // Pieces that left the tail since the store was read are stored now: read the store up to there, then the tail.
      looked_ = true;
      tail_.clear();
      const std::uint64_t bound = archive_->TailAfter(run_, thread_, stored_->arrival(), &tail_);
      stored_->Limit(std::max(bound, stored_->arrival()));
    }
    while (next_ < tail_.size()) {
      PiecePtr piece = std::move(tail_[next_++]);
      // The stored part began at the piece with from_seq, or had no such piece.
      if (piece->last_seq + 1 < from_seq_) continue;
      return piece;
    }
    return PiecePtr();
  }

 private:
  const LiveArchive* archive_;
  std::unique_ptr<StoredCursor> stored_;
  const std::string run_;
  const std::uint32_t thread_;
  const std::uint64_t from_seq_;
  bool looked_ = false, in_tail_ = false;
  std::vector<PiecePtr> tail_;
  std::size_t next_ = 0;
};

namespace {

// Adds the pieces of the tail that are behind the last stored one, end at or after `from`, and begin before `before`.
void AddTail(const std::vector<PiecePtr>& tail, std::uint64_t from, std::uint64_t before,
             std::vector<PieceEntry>* entries) {
  const std::size_t stored = entries->size();
  const std::uint64_t next = stored == 0 ? 0 : (*entries)[stored - 1].piece->last_seq + 1;
  for (const PiecePtr& piece : tail) {
    if (piece->first_seq >= before || piece->last_seq + 1 < from) continue;
    const bool counts = piece->events + piece->lost > 0;
    bool known = counts && piece->last_seq < next;
    for (std::size_t i = 0; i < stored && !counts && !known; ++i) {  // the piece only continues an event
      const Piece& other = *(*entries)[i].piece;
      known = other.first_seq == piece->first_seq && other.events + other.lost == 0;
    }
    if (!known) entries->push_back({piece, 0, 0});
  }
}

// Merges the items in memory with the other items of the store, by key. REQUIRES that memory was read before the
// store: an item that leaves memory in between is then found in the store.
template <typename Key, typename Info, typename KeyOf>
Result<std::vector<Info>> Merge(std::map<Key, Info> live, Result<std::vector<Info>> stored, bool is_live,
                                KeyOf key_of) {
  if (!stored.ok() && !is_live) return stored;
  if (stored.ok()) {
    for (Info& info : *stored) live.try_emplace(key_of(info), std::move(info));
  }
  std::vector<Info> all;
  all.reserve(live.size());
  for (auto& [key, info] : live) all.push_back(std::move(info));
  return all;
}

std::pair<std::uint32_t, std::uint32_t> KeyOfTask(const TaskInfo& task) { return {task.process, task.task}; }
std::pair<shm::RecordType, std::uint32_t> KeyOfEntry(const CatalogueEntry& entry) { return {entry.type, entry.id}; }

}  // namespace

std::uint64_t LiveArchive::TailAfter(const std::string& run, std::uint32_t thread, std::uint64_t after,
                                     std::vector<PiecePtr>* out) const {
  const shm::MutexLock lock(mutex_);
  const auto live = live_.find(run);
  if (live == live_.end()) return UINT64_MAX;  // all pieces are stored
  const auto tail = live->second.tails.find(thread);
  if (tail == live->second.tails.end()) return UINT64_MAX;
  for (const TailPiece& piece : tail->second.pieces) {
    if (piece.arrival == 0 || piece.arrival > after) out->push_back(piece.piece);
  }
  return tail->second.stored;
}

std::vector<PiecePtr> LiveArchive::TailOf(const std::string& run, std::uint32_t thread) const {
  std::vector<PiecePtr> pieces;
  const shm::MutexLock lock(mutex_);
  const auto live = live_.find(run);
  if (live == live_.end()) return pieces;
  const auto tail = live->second.tails.find(thread);
  if (tail == live->second.tails.end()) return pieces;
  for (const TailPiece& piece : tail->second.pieces) pieces.push_back(piece.piece);
  return pieces;
}

Result<std::vector<PieceEntry>> LiveArchive::Index(const std::string& run, std::uint32_t thread,
                                                   std::uint64_t from_seq, std::size_t limit) {
  // The tail is read first: a piece that leaves it meanwhile is found in the store.
  const std::vector<PiecePtr> tail = TailOf(run, thread);
  auto entries = store_.archive().Index(run, thread, from_seq, limit);
  if (!entries.ok()) {
    if (entries.status().code() != Code::kNotFound || !IsLive(run)) return entries;
    entries = std::vector<PieceEntry>();
  }
  if (entries->size() < limit) AddTail(tail, from_seq, UINT64_MAX, &*entries);
  if (entries->size() > limit) entries->resize(limit);
  return entries;
}

Result<std::vector<PieceEntry>> LiveArchive::IndexBefore(const std::string& run, std::uint32_t thread,
                                                         std::uint64_t seq, std::size_t limit) {
  const std::vector<PiecePtr> tail = TailOf(run, thread);
  auto entries = store_.archive().IndexBefore(run, thread, seq, limit);
  if (!entries.ok()) {
    if (entries.status().code() != Code::kNotFound || !IsLive(run)) return entries;
    entries = std::vector<PieceEntry>();
  }
  AddTail(tail, 0, seq, &*entries);
  if (entries->size() > limit) entries->erase(entries->begin(), entries->end() - static_cast<std::ptrdiff_t>(limit));
  return entries;
}

Result<PiecePtr> LiveArchive::ReadPiece(const std::string& run, const PieceEntry& entry) {
  if (entry.arrival == 0) return entry.piece;
  return store_.archive().ReadPiece(run, entry);
}

void LiveArchive::Count(const LiveRun& run, RunInfo* info) {
  info->processes = static_cast<std::uint32_t>(run.processes.size()) + run.processes_left;
  info->threads = static_cast<std::uint32_t>(run.threads.size()) + run.threads_left;
}

RunInfo LiveArchive::WithCounts(const LiveRun& run) const {
  RunInfo info = run.info;
  Count(run, &info);
  info.complete = false;
  return info;
}

std::vector<RunInfo> LiveArchive::Runs() {
  std::vector<RunInfo> runs = store_.archive().Runs();
  const shm::MutexLock lock(mutex_);
  for (const auto& [id, run] : live_) {
    auto known = std::find_if(runs.begin(), runs.end(), [&id = id](const RunInfo& info) { return info.id == id; });
    RunInfo shown = WithCounts(run);
    if (known == runs.end()) {
      runs.push_back(std::move(shown));
    } else {
      shown.bytes = known->bytes;
      shown.pinned = known->pinned;
      *known = std::move(shown);
    }
  }
  std::sort(runs.begin(), runs.end(), [](const RunInfo& a, const RunInfo& b) {
    return a.start_ns != b.start_ns ? a.start_ns > b.start_ns : a.id > b.id;
  });
  return runs;
}

Result<RunInfo> LiveArchive::FindRun(const std::string& id) {
  std::optional<RunInfo> live;
  {
    const shm::MutexLock lock(mutex_);
    if (const auto found = live_.find(id); found != live_.end()) live = WithCounts(found->second);
  }
  auto stored = store_.archive().FindRun(id);
  if (!live) return stored;
  if (stored.ok()) {
    live->bytes = stored->bytes;
    live->pinned = stored->pinned;
  }
  return *live;
}

Result<std::vector<ProcessInfo>> LiveArchive::Processes(const std::string& run) {
  std::map<std::uint32_t, ProcessInfo> processes;
  {
    const shm::MutexLock lock(mutex_);
    if (const auto found = live_.find(run); found != live_.end()) processes = found->second.processes;
  }
  return Merge(std::move(processes), store_.archive().Processes(run), IsLive(run),
               std::mem_fn(&ProcessInfo::process));
}

Result<std::vector<ThreadInfo>> LiveArchive::Threads(const std::string& run) {
  std::map<std::uint32_t, ThreadInfo> threads;
  {
    const shm::MutexLock lock(mutex_);
    if (const auto found = live_.find(run); found != live_.end()) threads = found->second.threads;
  }
  return Merge(std::move(threads), store_.archive().Threads(run), IsLive(run), std::mem_fn(&ThreadInfo::thread));
}

Result<ThreadInfo> LiveArchive::FindThread(const std::string& run, std::uint32_t thread) {
  {
    const shm::MutexLock lock(mutex_);
    if (const auto found = live_.find(run); found != live_.end()) {
      if (const auto known = found->second.threads.find(thread); known != found->second.threads.end())
        return known->second;
    }
  }
  return Archive::FindThread(run, thread);
}

Result<std::vector<TaskInfo>> LiveArchive::Tasks(const std::string& run) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, TaskInfo> coming;
  {
    const shm::MutexLock lock(mutex_);
    if (const auto found = live_.find(run); found != live_.end()) {
      for (const TaskInfo& task : found->second.tasks) coming.insert_or_assign(KeyOfTask(task), task);
    }
  }
  return Merge(std::move(coming), store_.archive().Tasks(run), IsLive(run), KeyOfTask);
}

Result<std::vector<SourceInfo>> LiveArchive::Sources(const std::string& run) {
  std::map<std::uint32_t, SourceInfo> coming;
  {
    const shm::MutexLock lock(mutex_);
    if (const auto found = live_.find(run); found != live_.end()) {
      for (const SourceInfo& source : found->second.sources) coming.insert_or_assign(source.source, source);
    }
  }
  return Merge(std::move(coming), store_.archive().Sources(run), IsLive(run), std::mem_fn(&SourceInfo::source));
}

Result<std::shared_ptr<const Names>> LiveArchive::NamesOf(const std::string& run, std::uint32_t process) {
  {
    const shm::MutexLock lock(mutex_);
    if (const auto found = live_.find(run); found != live_.end()) {
      if (const auto names = found->second.names.find(process); names != found->second.names.end() && names->second) {
        return std::shared_ptr<const Names>(names->second);
      }
    }
  }
  return store_.archive().NamesOf(run, process);
}

Result<std::vector<CatalogueEntry>> LiveArchive::Catalogue(const std::string& run, std::uint32_t process) {
  std::map<std::pair<shm::RecordType, std::uint32_t>, CatalogueEntry> coming;
  {
    const shm::MutexLock lock(mutex_);
    if (const auto found = live_.find(run); found != live_.end()) {
      for (const CatalogueEntry& entry : found->second.catalogue) {
        if (entry.process == process) coming.insert_or_assign(KeyOfEntry(entry), entry);
      }
    }
  }
  return Merge(std::move(coming), store_.archive().Catalogue(run, process), IsLive(run), KeyOfEntry);
}

Result<std::unique_ptr<PieceCursor>> LiveArchive::Open(const std::string& run, std::uint32_t thread,
                                                       std::uint64_t from_seq) {
  if (!IsLive(run)) {
    if (const auto stored = store_.archive().FindRun(run); !stored.ok()) return stored.status();
  }
  auto stored = store_.OpenStored(run, thread, from_seq);
  if (!stored.ok()) return stored.status();
  return std::unique_ptr<PieceCursor>(std::make_unique<LiveCursor>(this, std::move(*stored), run, thread, from_seq));
}

bool LiveArchive::DrainBegin(const RunInfo& info) {
  const shm::MutexLock lock(mutex_);
  const auto [run, fresh] = live_.try_emplace(info.id);
  if (fresh) run->second.info = info;
  return fresh;
}

std::optional<RunInfo> LiveArchive::ChangeRun(const std::string& run, const std::function<void(RunInfo&)>& change) {
  const shm::MutexLock lock(mutex_);
  const auto found = live_.find(run);
  if (found == live_.end()) return std::nullopt;
  if (change) change(found->second.info);
  RunInfo whole = found->second.info;
  Count(found->second, &whole);
  return whole;
}

bool LiveArchive::IsLive(const std::string& run) const {
  const shm::MutexLock lock(mutex_);
  return live_.contains(run);
}

std::vector<RunInfo> LiveArchive::LiveRuns() const {
  const shm::MutexLock lock(mutex_);
  std::vector<RunInfo> runs;
  for (const auto& [id, run] : live_) runs.push_back(WithCounts(run));
  return runs;
}

void LiveArchive::DrainProcess(const std::string& run, const ProcessInfo& info,
                               std::shared_ptr<const StoredNames> names) {
  const shm::MutexLock lock(mutex_);
  const auto found = live_.find(run);
  if (found == live_.end()) return;
  found->second.processes[info.process] = info;
  if (names) found->second.names[info.process] = std::move(names);
}

void LiveArchive::DrainThread(const std::string& run, const ThreadInfo& info) {
  const shm::MutexLock lock(mutex_);
  const auto found = live_.find(run);
  if (found == live_.end()) return;
  auto [thread, fresh] = found->second.threads.try_emplace(info.thread, info);
  if (fresh) return;
  thread->second.native_id = info.native_id;
  thread->second.name = info.name;
  thread->second.ended = info.ended;
}

void LiveArchive::DrainEnd(const std::string& run) {
  const shm::MutexLock lock(mutex_);
  const auto found = live_.find(run);
  if (found == live_.end()) return;
  for (const auto& [number, tail] : found->second.tails) {
    for (const TailPiece& piece : tail.pieces) tail_bytes_ -= BytesOf(*piece.piece);
  }
  live_.erase(found);
}

void LiveArchive::ProcessStored(const std::string& run, std::uint32_t process) {
  const shm::MutexLock lock(mutex_);
  const auto found = live_.find(run);
  if (found == live_.end()) return;
  LiveRun& live = found->second;
  live.names.erase(process);
  bool all = true;
  for (auto thread = live.threads.begin(); thread != live.threads.end();) {
    const std::uint32_t number = thread->first;
    const bool its = thread->second.process == process;
    ++thread;
    if (its && !LeaveThread(&live, number)) all = false;
  }
  if (all && live.processes.erase(process) > 0) ++live.processes_left;
}

void LiveArchive::ThreadStored(const std::string& run, std::uint32_t thread) {
  const shm::MutexLock lock(mutex_);
  if (const auto found = live_.find(run); found != live_.end()) LeaveThread(&found->second, thread);
}

// False: a piece of the thread is on its way to the store.
bool LiveArchive::LeaveThread(LiveRun* run, std::uint32_t thread) {
  if (const auto tail = run->tails.find(thread); tail != run->tails.end()) {
    if (!tail->second.pieces.empty()) return false;
    run->tails.erase(tail);
  }
  run->threads_left += static_cast<std::uint32_t>(run->threads.erase(thread));
  return true;
}

void LiveArchive::DrainPart(const PiecePtr& part) {
  const shm::MutexLock lock(mutex_);
  const auto found = live_.find(part->run);
  if (found == live_.end()) return;
  LiveRun& run = found->second;
  run.tails[part->thread].pieces.push_back({part, 0});
  tail_bytes_ += BytesOf(*part);
  run.info.events += part->events;
  run.info.lost += part->lost;
  run.info.exceptions += part->exceptions;
  ThreadInfo& thread = run.threads[part->thread];
  thread.events += part->events;
  thread.lost += part->lost;
  if (part->events + part->lost > 0) {
    if (thread.first_ns == 0) thread.first_ns = part->first_ns;
    thread.last_ns = std::max(thread.last_ns, part->last_ns);
  }
}

void LiveArchive::DrainPiece(const PiecePtr& piece, std::size_t parts) {
  const shm::MutexLock lock(mutex_);
  const auto found = live_.find(piece->run);
  if (found == live_.end()) return;
  auto& pieces = found->second.tails[piece->thread].pieces;
  for (; parts > 0 && !pieces.empty(); --parts) {
    tail_bytes_ -= BytesOf(*pieces.back().piece);
    pieces.pop_back();
  }
  pieces.push_back({piece, 0});
  tail_bytes_ += BytesOf(*piece);
}

void LiveArchive::DrainRecords(const Batch& batch) {
  if (batch.catalogue.empty() && batch.sources.empty() && batch.tasks.empty()) return;
  const shm::MutexLock lock(mutex_);
  for (const CatalogueEntry& entry : batch.catalogue) {
    if (const auto found = live_.find(entry.run); found != live_.end()) found->second.catalogue.push_back(entry);
  }
  for (const auto& [run, source] : batch.sources) {
    if (const auto found = live_.find(run); found != live_.end()) found->second.sources.push_back(source);
  }
  for (const auto& [run, task] : batch.tasks) {
    if (const auto found = live_.find(run); found != live_.end()) found->second.tasks.push_back(task);
  }
}

void LiveArchive::StoreArrivals(const std::vector<PiecePtr>& pieces, std::uint64_t first) {
  const shm::MutexLock lock(mutex_);
  for (const PiecePtr& piece : pieces) {
    const std::uint64_t arrival = first++;
    const auto found = live_.find(piece->run);
    if (found == live_.end()) continue;
    for (TailPiece& waiting : found->second.tails[piece->thread].pieces) {
      if (waiting.piece == piece) waiting.arrival = arrival;
    }
  }
}

void LiveArchive::StoreDone(const Batch& batch) {
  const shm::MutexLock lock(mutex_);
  for (const PiecePtr& piece : batch.pieces) {
    const auto found = live_.find(piece->run);
    if (found == live_.end()) continue;
    Tail& tail = found->second.tails[piece->thread];
    const auto waiting =
        std::find_if(tail.pieces.begin(), tail.pieces.end(), [&](const TailPiece& t) { return t.piece == piece; });
    if (waiting == tail.pieces.end()) continue;
    tail.stored = std::max(tail.stored, waiting->arrival);
    tail_bytes_ -= BytesOf(*piece);
    tail.pieces.erase(waiting);
    if (tail.pieces.empty()) tail.pieces = std::vector<TailPiece>();
  }
  // Records are stored in the order of DrainRecords.
  for (const CatalogueEntry& entry : batch.catalogue) {
    const auto found = live_.find(entry.run);
    if (found != live_.end() && !found->second.catalogue.empty())
      found->second.catalogue.erase(found->second.catalogue.begin());
  }
  for (const auto& [run, source] : batch.sources) {
    const auto found = live_.find(run);
    if (found != live_.end() && !found->second.sources.empty())
      found->second.sources.erase(found->second.sources.begin());
  }
  for (const auto& [run, task] : batch.tasks) {
    const auto found = live_.find(run);
    if (found != live_.end() && !found->second.tasks.empty()) found->second.tasks.erase(found->second.tasks.begin());
  }
}

void LiveArchive::StoreLost(const std::vector<PiecePtr>& pieces) {
  const shm::MutexLock lock(mutex_);
  for (const PiecePtr& piece : pieces) {
    const auto found = live_.find(piece->run);
    if (found == live_.end()) continue;
    auto& waiting = found->second.tails[piece->thread].pieces;
    const auto at =
        std::find_if(waiting.begin(), waiting.end(), [&](const TailPiece& t) { return t.piece == piece; });
    if (at == waiting.end()) continue;
    tail_bytes_ -= BytesOf(*piece);
    waiting.erase(at);
    found->second.info.events -= piece->events;
    found->second.info.lost += piece->events;
    ThreadInfo& thread = found->second.threads[piece->thread];
    thread.events -= piece->events;
    thread.lost += piece->events;
  }
}

std::size_t LiveArchive::ThreadsHeld() const {
  const shm::MutexLock lock(mutex_);
  std::size_t threads = 0;
  for (const auto& [id, run] : live_) threads += run.threads.size();
  return threads;
}

std::uint64_t LiveArchive::TailBytes() const {
  const shm::MutexLock lock(mutex_);
  return tail_bytes_;
}

}  // namespace smiley::daemon
