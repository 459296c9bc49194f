// The archive over a store: runs, their records, and the pieces of a thread.
#include <algorithm>

#include "daemon/store/chunk.h"
#include "daemon/store/impl.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kIndexBatch = 32;  // read at a time, so that no RocksDB snapshot is held for long

class Cursor : public StoredCursor {
 public:
  Cursor(StoreImpl* store, std::string run, std::uint32_t run_key, std::uint32_t thread, std::string from)
      : store_(store),
        run_(std::move(run)),
        run_key_(run_key),
        at_(std::move(from)),
        end_(IndexKey(run_key, thread + 1, 0, 0)) {
    entries_.reserve(kIndexBatch);
  }

  Result<PiecePtr> Next() override {
    while (true) {
      if (next_ == entries_.size()) {
        entries_.clear();
        next_ = 0;
        if (const Status status = store_->db().Scan(Family::kIndex, at_, end_, kIndexBatch, &entries_);
            !status.ok()) {
          // Reading can go on behind a damaged chunk, but not behind a damaged index.
          entries_.clear();
          return status.code() == Code::kDamaged ? Status(Code::kIo, status.message()) : status;
        }
        if (entries_.empty()) return PiecePtr();
      }
      const auto& [key, value] = entries_[next_];
      if (key.size() != kIndexKeyBytes) {
        Step(key);
        return Status(Code::kDamaged, "damaged index key of run " + run_);
      }
      const std::uint64_t arrival = ReadBig(key, 16, 8);
      if (arrival > limit_) {
        entries_.clear();  // they are read again when the limit is lifted
        next_ = 0;
        return PiecePtr();
      }
      auto piece = std::make_shared<Piece>();
      piece->run = run_;
      piece->first_seq = ReadBig(key, 8, 8);
      const Status status = DecodeIndexEntry(value, piece.get(), nullptr);
      Step(key);
      if (!status.ok()) return status;
      const auto chunk = store_->db().Get(Family::kChunks, ChunkKey(arrival));
      if (!chunk.ok()) {
        if (chunk.status().code() != Code::kNotFound) return chunk.status();
        if (!store_->FindRecord(run_, true)) return PiecePtr();  // deleted meanwhile
        return Status(Code::kDamaged, "chunk " + std::to_string(arrival) + " of run " + run_ + " is missing");
      }
      if (const Status decoded = DecodeChunk(*chunk, run_key_, piece.get()); !decoded.ok()) return decoded;
      arrival_ = arrival;
      return PiecePtr(std::move(piece));
    }
  }
  std::uint64_t arrival() const override { return arrival_; }
  void Limit(std::uint64_t arrival) override { limit_ = arrival; }

 private:
  void Step(const std::string& key) {
    at_ = key + '\0';
    ++next_;
  }
  StoreImpl* store_;
  const std::string run_;
  const std::uint32_t run_key_;
  std::string at_, end_;
  std::vector<KeyValue> entries_;
  std::size_t next_ = 0;
  std::uint64_t arrival_ = 0;
  std::uint64_t limit_ = UINT64_MAX;
};

class StoreArchive : public Archive {
 public:
  explicit StoreArchive(StoreImpl* store) : store_(store) {}

  std::vector<RunInfo> Runs() override {
    std::vector<RunInfo> runs;
    for (RunRecord& record : store_->Records()) runs.push_back(Shown(std::move(record.info)));
    std::sort(runs.begin(), runs.end(), [](const RunInfo& a, const RunInfo& b) {
      return a.start_ns != b.start_ns ? a.start_ns > b.start_ns : a.id > b.id;
    });
    return runs;
  }

  Result<RunInfo> FindRun(const std::string& id) override {
    auto record = store_->FindRecord(id);
    if (!record) return NoRun(id);
    return Shown(std::move(record->info));
  }

  Result<std::vector<ProcessInfo>> Processes(const std::string& run) override {
    return Read<ProcessInfo>(run, RunRecordType::kProcessInfo, DecodeProcess);
  }
  Result<std::vector<ThreadInfo>> Threads(const std::string& run) override {
    return Read<ThreadInfo>(run, RunRecordType::kThreadInfo, DecodeThread);
  }
  Result<std::vector<SourceInfo>> Sources(const std::string& run) override {
    return Read<SourceInfo>(run, RunRecordType::kSourceInfo, DecodeSource);
  }

  Result<std::vector<TaskInfo>> Tasks(const std::string& run) override {
    const auto record = store_->FindRecord(run);
    if (!record) return NoRun(run);
    const auto processes = Processes(run);
    if (!processes.ok()) return processes.status();
    std::vector<TaskInfo> tasks;
    for (const ProcessInfo& process : *processes) {
      std::vector<KeyValue> found;
      const Status status = store_->ScanRecords(record->key, process.process,
                                                static_cast<std::uint16_t>(RunRecordType::kTaskInfo), &found);
      if (!status.ok()) return status;
      for (const auto& [key, value] : found) {
        if (const Status decoded = DecodeTask(value, &tasks.emplace_back()); !decoded.ok()) return decoded;
      }
    }
    return tasks;
  }

  Result<std::shared_ptr<const Names>> NamesOf(const std::string& run, std::uint32_t process) override {
    const auto record = store_->FindRecord(run);
    if (!record) return NoRun(run);
    return store_->NamesOf(record->key, process);
  }

  Result<std::vector<CatalogueEntry>> Catalogue(const std::string& run, std::uint32_t process) override {
    const auto record = store_->FindRecord(run);
    if (!record) return NoRun(run);
    std::vector<CatalogueEntry> entries;
    std::vector<KeyValue> found;
    const std::string from = CatalogueKey(record->key, process, 0, 0);
    const std::string to =
        CatalogueKey(record->key, process, static_cast<std::uint16_t>(RunRecordType::kProcessInfo), 0);
    if (const Status status = store_->db().Scan(Family::kCatalogue, from, to, SIZE_MAX, &found); !status.ok())
      return status;
    for (auto& [key, value] : found) {
      if (key.size() != kCatalogueKeyBytes) continue;
      entries.push_back({run, process, static_cast<shm::RecordType>(ReadBig(key, 8, 2)),
                         static_cast<std::uint32_t>(ReadBig(key, 10, 8)), std::move(value)});
    }
    return entries;
  }

  Result<std::unique_ptr<PieceCursor>> Open(const std::string& run, std::uint32_t thread,
                                            std::uint64_t from_seq) override {
    if (!store_->FindRecord(run)) return NoRun(run);
    auto cursor = store_->OpenStored(run, thread, from_seq);
    if (!cursor.ok()) return cursor.status();
    return std::unique_ptr<PieceCursor>(std::move(*cursor));
  }

  Result<std::vector<PieceEntry>> Index(const std::string& run, std::uint32_t thread, std::uint64_t from_seq,
                                        std::size_t limit) override {
    const auto record = store_->FindRecord(run);
    if (!record) return NoRun(run);
    std::string from = IndexKey(record->key, thread, 0, 0);
    if (from_seq > 1) {
      const auto last = store_->db().Last(Family::kIndex, from, IndexKey(record->key, thread, from_seq + 1, 0));
      if (!last.ok()) return last.status();
      // Pieces that begin with the same event are returned together.
      if (*last) from = IndexKey(record->key, thread, ReadBig((*last)->first, 8, 8), 0);
    }
    std::vector<KeyValue> found;
    const Status status =
        store_->db().Scan(Family::kIndex, from, IndexKey(record->key, thread + 1, 0, 0), limit, &found);
    if (!status.ok()) return status;
    return Entries(run, found);
  }

  Result<std::vector<PieceEntry>> IndexBefore(const std::string& run, std::uint32_t thread, std::uint64_t seq,
                                              std::size_t limit) override {
    const auto record = store_->FindRecord(run);
    if (!record) return NoRun(run);
    const std::string from = IndexKey(record->key, thread, 0, 0);
    std::string to = IndexKey(record->key, thread, seq, 0);
    std::vector<KeyValue> found;
    while (found.size() < limit) {
      auto last = store_->db().Last(Family::kIndex, from, to);
      if (!last.ok()) return last.status();
      if (!*last) break;
      to = (*last)->first;
      found.push_back(std::move(**last));
    }
    std::reverse(found.begin(), found.end());
    return Entries(run, found);
  }

  Result<PiecePtr> ReadPiece(const std::string& run, const PieceEntry& entry) override {
    if (entry.arrival == 0) return entry.piece;
    const auto record = store_->FindRecord(run);
    if (!record) return NoRun(run);
    const auto chunk = store_->db().Get(Family::kChunks, ChunkKey(entry.arrival));
    if (!chunk.ok()) {
      if (chunk.status().code() != Code::kNotFound) return chunk.status();
      return Status(Code::kDamaged, "chunk " + std::to_string(entry.arrival) + " of run " + run + " is missing");
    }
    auto piece = std::make_shared<Piece>(*entry.piece);
    if (const Status decoded = DecodeChunk(*chunk, record->key, piece.get()); !decoded.ok()) return decoded;
    return PiecePtr(std::move(piece));
  }

  Result<std::optional<DerivedItem>> LastDerived(const std::string& run, const std::string& from,
                                                 const std::string& to) override {
    const auto record = store_->FindRecord(run, true);
    if (!record) return std::optional<DerivedItem>();  // nothing of the run is stored yet
    const std::string prefix = RunPrefix(record->key);
    auto last = store_->db().Last(Family::kDerived, prefix + from, prefix + to);
    if (last.ok() && *last) (*last)->first.erase(0, prefix.size());
    return last;
  }

 private:
  static Result<std::vector<PieceEntry>> Entries(const std::string& run, const std::vector<KeyValue>& found) {
    std::vector<PieceEntry> entries;
    entries.reserve(found.size());
    for (const auto& [key, value] : found) {
      if (key.size() != kIndexKeyBytes) return Status(Code::kDamaged, "damaged index key of run " + run);
      PieceEntry& entry = entries.emplace_back();
      auto piece = std::make_shared<Piece>();
      piece->run = run;
      piece->thread = static_cast<std::uint32_t>(ReadBig(key, 4, 4));
      piece->first_seq = ReadBig(key, 8, 8);
      entry.arrival = ReadBig(key, 16, 8);
      if (const Status status = DecodeIndexEntry(value, piece.get(), &entry.bytes); !status.ok()) return status;
      entry.piece = std::move(piece);
    }
    return entries;
  }

  static Status NoRun(const std::string& run) {
    return {Code::kNotFound, "no run " + run + ": smiley-list shows them"};
  }
  static RunInfo Shown(RunInfo info) {
    info.complete = info.complete && !info.flawed && info.state == RunState::kEnded && info.lost == 0;
    return info;
  }

  template <typename T>
  Result<std::vector<T>> Read(const std::string& run, RunRecordType type, Status (*decode)(std::string_view, T*)) {
    const auto record = store_->FindRecord(run);
    if (!record) return NoRun(run);
    std::vector<KeyValue> found;
    if (const Status status = store_->ScanRecords(record->key, 0, static_cast<std::uint16_t>(type), &found);
        !status.ok())
      return status;
    std::vector<T> infos;
    for (const auto& [key, value] : found) {
      if (const Status status = decode(value, &infos.emplace_back()); !status.ok()) return status;
    }
    return infos;
  }

  StoreImpl* store_;
};

}  // namespace

std::unique_ptr<Archive> MakeStoreArchive(StoreImpl* store) { return std::make_unique<StoreArchive>(store); }

Result<std::unique_ptr<StoredCursor>> StoreImpl::OpenStored(const std::string& run, std::uint32_t thread,
                                                            std::uint64_t from_seq) {
  const auto record = FindRecord(run, true);
  std::string from = IndexKey(record ? record->key : 0, thread, 0, 0);
  if (record && from_seq > 1) {
    const auto last = db_->Last(Family::kIndex, from, IndexKey(record->key, thread, from_seq + 1, 0));
    if (!last.ok()) return last.status();
    if (*last) from = (*last)->first;
  }
  // A run that is not stored yet reads as empty.
  return std::unique_ptr<StoredCursor>(
      std::make_unique<Cursor>(this, run, record ? record->key : 0, thread, std::move(from)));
}

Status StoreImpl::ScanRecords(std::uint32_t run, std::uint32_t process, std::uint16_t type,
                              std::vector<KeyValue>* out) const {
  return db_->Scan(Family::kCatalogue, CatalogueKey(run, process, type, 0),
                   CatalogueKey(run, process, static_cast<std::uint16_t>(type + 1), 0), SIZE_MAX, out);
}

Result<std::shared_ptr<const Names>> StoreImpl::NamesOf(std::uint32_t run, std::uint32_t process) {
  {
    const shm::ReadLock lock(cache_mutex_);
    if (const auto found = names_.find({run, process}); found != names_.end()) {
      if (auto names = found->second.lock()) return names;
    }
  }
  auto names = std::make_shared<StoredNames>();
  for (auto type :
       {shm::RecordType::kString, shm::RecordType::kSource, shm::RecordType::kCode, shm::RecordType::kTask}) {
    std::vector<KeyValue> found;
    if (const Status status = ScanRecords(run, process, static_cast<std::uint16_t>(type), &found); !status.ok())
      return status;
    for (const auto& [key, value] : found) names->Add(type, static_cast<std::uint32_t>(ReadBig(key, 10, 8)), value);
  }
  const shm::WriteLock lock(cache_mutex_);
  bool ended = false;
  for (const auto& [id, record] : runs_)
    ended = ended || (record.key == run && record.info.state == RunState::kEnded);
  if (ended) {  // its names do not change any more
    names_[{run, process}] = names;
    recent_names_.push_back(names);
    if (recent_names_.size() > 8) recent_names_.pop_front();
  }
  return std::shared_ptr<const Names>(names);
}

}  // namespace smiley::daemon
