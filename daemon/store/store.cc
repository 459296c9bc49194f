#include "daemon/store/store.h"

#include <algorithm>
#include <set>

#include "daemon/store/chunk.h"
#include "daemon/store/impl.h"
#include "shm/base/test_point.h"

namespace smiley::daemon {
namespace {

std::string Number(std::uint64_t value) { return ChunkKey(value); }

std::string After(std::string_view prefix) {
  std::string end(prefix);
  end.back() = static_cast<char>(end.back() + 1);
  return end;
}

std::string CursorKey(const std::string& segment) { return std::string(kCursorKeyPrefix) + segment; }

// Replaces the description of a run, but not the counts and the pin, which belong to the store.
void TakeDescription(const RunInfo& from, RunInfo* to) {
  RunInfo merged = from;
  merged.events = to->events;
  merged.lost = to->lost;
  merged.bytes = to->bytes;
  merged.processes = to->processes;
  merged.threads = to->threads;
  merged.exceptions = to->exceptions;
  merged.pinned = to->pinned;
  *to = std::move(merged);
}

}  // namespace

Result<std::unique_ptr<Store>> Store::Open(const Options& options) {
  std::error_code error;
  if (!options.read_only) {
    std::filesystem::create_directories(options.dir, error);
    if (error) return Status::FromErrno("cannot make " + options.dir.string(), error.value());
    std::filesystem::permissions(options.dir, std::filesystem::perms::owner_all, error);
    SpaceGuard guard(options.dir, options.reserve_bytes);
    if (const Status room = guard.AdmitDeletion(); !room.ok()) return room;  // opening writes a little
  }
  auto db = StoreDb::Open(options.dir, options.read_only);
  if (db.status().code() == Code::kDamaged)
    return Status(Code::kDamaged,
                  db.status().message() + "; run smiley-store repair, which keeps everything that can be read");
  if (!db.ok()) return db.status();
  auto store = std::make_unique<StoreImpl>(std::move(*db), options);
  if (const Status status = store->Load(); !status.ok()) return status;
  return std::unique_ptr<Store>(std::move(store));
}

StoreImpl::StoreImpl(std::unique_ptr<StoreDb> db, const Options& options)
    : options_(options), db_(std::move(db)), guard_(options.dir, options.read_only ? 0 : options.reserve_bytes) {
  archive_ = MakeStoreArchive(this);
}

StoreImpl::~StoreImpl() {
  {
    const shm::MutexLock lock(compact_mutex_);
    stopping_ = true;
  }
  db_->CancelCompactions();
  compact_wake_.NotifyAll();
  compacted_.NotifyAll();
  if (compactor_.joinable()) compactor_.join();
}

Status StoreImpl::Load() {
  const auto version = db_->Get(Family::kMeta, kVersionKey);
  if (version.ok()) {
    const std::uint64_t number = version->size() == 8 ? ReadBig(*version, 0, 8) : 0;
    if (number > kStoreVersion) {
      return {Code::kVersion, "the store in " + options_.dir.string() + " was written by a newer smiley (format " +
                                  std::to_string(number) + "): use that version, or another SMILEY_HOME"};
    }
    if (number < kOldestStoreVersion)
      return {Code::kDamaged, "the store in " + options_.dir.string() + " has no valid version"};
    if (number < kStoreVersion && !options_.read_only) {
      // This version reads every record of the older ones, so the store gets this version's number.
      WriteList list;
      list.Put(Family::kMeta, std::string(kVersionKey), Number(kStoreVersion));
      if (const Status status = db_->Write(list); !status.ok()) return status;
    }
  } else if (version.status().code() != Code::kNotFound) {
    return version.status();
  } else if (options_.read_only) {
    return {Code::kNotFound, "there is no store in " + options_.dir.string() + ": nothing was recorded yet"};
  } else {
    WriteList list;
    list.Put(Family::kMeta, std::string(kVersionKey), Number(kStoreVersion));
    if (const Status status = db_->Write(list); !status.ok()) return status;
  }
  if (const auto value = db_->Get(Family::kMeta, kArrivalKey); value.ok() && value->size() == 8) {
    next_arrival_ = ReadBig(*value, 0, 8);
  }
  if (const auto value = db_->Get(Family::kMeta, kRunNumberKey); value.ok() && value->size() == 8) {
    next_run_key_ = static_cast<std::uint32_t>(ReadBig(*value, 0, 8));
  }
  const auto last = db_->Last(Family::kChunks, std::string_view(), std::string(9, '\xff'));
  if (!last.ok()) return last.status();
  if (*last) next_arrival_ = std::max(next_arrival_, ReadBig((*last)->first, 0, 8) + 1);

  std::vector<KeyValue> found;
  if (const Status status = db_->Scan(Family::kMeta, kRunKeyPrefix, After(kRunKeyPrefix), SIZE_MAX, &found);
      !status.ok()) {
    return status;
  }
  std::vector<std::string> half_imported;
  for (const auto& [key, value] : found) {
    RunRecord record;
    if (const Status status = DecodeRun(value, &record); !status.ok()) return status;
    record.info.id = key.substr(kRunKeyPrefix.size());
    next_run_key_ = std::max(next_run_key_, record.key + 1);
    if (record.info.state == RunState::kImporting) half_imported.push_back(record.info.id);
    runs_.emplace(record.info.id, std::move(record));
  }
  if (options_.read_only) return {};
  for (const std::string& run : half_imported) {
    if (const Status status = DeleteRun(run); !status.ok()) return status;
  }
  guard_.Tick();
  return {};
}

Result<RunRecord*> StoreImpl::TouchRun(Change* change, const std::string& run) {
  if (const auto touched = change->runs.find(run); touched != change->runs.end()) return &touched->second;
  const shm::ReadLock lock(cache_mutex_);
  const auto known = runs_.find(run);
  if (known == runs_.end()) return Status(Code::kNotFound, "no run " + run + " in the store");
  return &change->runs.emplace(run, known->second).first->second;
}

ThreadInfo& StoreImpl::TouchThread(Change* change, std::uint32_t run, std::uint32_t thread, std::uint32_t process,
                                   bool* fresh) {
  const auto key = std::pair(run, thread);
  *fresh = false;
  if (const auto touched = change->threads.find(key); touched != change->threads.end()) return touched->second;
  if (const auto known = threads_.find(key); known != threads_.end())
    return change->threads.emplace(key, known->second).first->second;
  ThreadInfo info;
  const auto stored = db_->Get(Family::kCatalogue,
                               CatalogueKey(run, 0, static_cast<std::uint16_t>(RunRecordType::kThreadInfo), thread));
  if (!stored.ok() || !DecodeThread(*stored, &info).ok()) {
    info = {};
    info.thread = thread;
    info.process = process;
    *fresh = true;
  }
  return change->threads.emplace(key, std::move(info)).first->second;
}

// The run keys of a batch: fresh ones for runs that are new, the stored ones for the others.
Status StoreImpl::ReserveKeys(const Batch& batch, std::map<std::string, std::uint32_t>* keys) {
  const shm::MutexLock write_lock(write_mutex_);
  for (const RunInfo& info : batch.runs) {
    const auto record = FindRecord(info.id, true);
    if (!keys->contains(info.id)) keys->emplace(info.id, record ? record->key : next_run_key_++);
  }
  for (const PiecePtr& piece : batch.pieces) {
    if (keys->contains(piece->run)) continue;
    const auto record = FindRecord(piece->run, true);
    if (!record) return {Code::kNotFound, "no run " + piece->run + " in the store"};
    keys->emplace(piece->run, record->key);
  }
  return {};
}

Status StoreImpl::AddRecords(const Batch& batch, const std::map<std::string, std::uint32_t>& keys, Change* change,
                             WriteList* list) {
  const auto put = [list](std::uint32_t run, std::uint32_t process, std::uint16_t type, std::uint64_t id,
                          std::string value) {
    list->Put(Family::kCatalogue, CatalogueKey(run, process, type, id), std::move(value));
  };
  for (const RunInfo& info : batch.runs) {
    auto record = TouchRun(change, info.id);
    if (record.ok()) {
      TakeDescription(info, &(*record)->info);
      continue;
    }
    RunRecord fresh;
    fresh.key = keys.at(info.id);
    TakeDescription(info, &fresh.info);
    list->Put(Family::kMeta, std::string(kRunNumberKey), Number(fresh.key + 1));
    change->runs.emplace(info.id, std::move(fresh));
  }
  for (const RunInfo& info : batch.runs) {
    const RunRecord& record = change->runs.at(info.id);
    put(record.key, 0, static_cast<std::uint16_t>(RunRecordType::kRunCopy), 0, EncodeRunCopy(info.id, record));
  }
  std::set<std::pair<std::uint32_t, std::uint32_t>> new_processes;
  for (const auto& [run, info] : batch.processes) {
    auto record = TouchRun(change, run);
    if (!record.ok()) return record.status();
    const auto type = static_cast<std::uint16_t>(RunRecordType::kProcessInfo);
    const std::uint32_t key = (*record)->key;
    const bool known = db_->Get(Family::kCatalogue, CatalogueKey(key, 0, type, info.process)).ok();
    if (!known && new_processes.emplace(key, info.process).second) ++(*record)->info.processes;
    put(key, 0, type, info.process, EncodeProcess(info));
  }
  for (const auto& [run, info] : batch.threads) {
    auto record = TouchRun(change, run);
    if (!record.ok()) return record.status();
    bool fresh = false;
    ThreadInfo& thread = TouchThread(change, (*record)->key, info.thread, info.process, &fresh);
    if (fresh) ++(*record)->info.threads;
    thread.process = info.process;
    thread.native_id = info.native_id;
    thread.name = info.name;
    thread.ended = info.ended;
    thread.local = info.local;
  }
  for (const auto& [run, info] : batch.sources) {
    auto record = TouchRun(change, run);
    if (!record.ok()) return record.status();
    put((*record)->key, 0, static_cast<std::uint16_t>(RunRecordType::kSourceInfo), info.source, EncodeSource(info));
  }
  for (const auto& [run, info] : batch.tasks) {
    auto record = TouchRun(change, run);
    if (!record.ok()) return record.status();
    put((*record)->key, info.process, static_cast<std::uint16_t>(RunRecordType::kTaskInfo), info.task,
        EncodeTask(info));
  }
  for (const CatalogueEntry& entry : batch.catalogue) {
    auto record = TouchRun(change, entry.run);
    if (!record.ok()) return record.status();
    put((*record)->key, entry.process, static_cast<std::uint16_t>(entry.type), entry.id, entry.payload);
  }
  for (const SegmentCursor& cursor : batch.cursors) {
    list->Put(Family::kMeta, CursorKey(cursor.segment), Number(cursor.position));
  }
  for (const std::string& segment : batch.forget_cursors) list->Delete(Family::kMeta, CursorKey(segment));
  return {};
}

Status StoreImpl::AddPieces(const Batch& batch, const std::vector<std::string>& chunks, Change* change,
                            WriteList* list) {
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const Piece& piece = *batch.pieces[i];
    auto record = TouchRun(change, piece.run);
    if (!record.ok()) return record.status();
    const std::uint32_t key = (*record)->key;
    const std::uint64_t arrival = change->next_arrival++;
    const std::string entry = EncodeIndexEntry(piece, chunks[i].size());
    RunInfo& run = (*record)->info;
    run.events += piece.events;
    run.lost += piece.lost;
    run.exceptions += piece.exceptions;
    run.bytes += chunks[i].size() + entry.size() + kIndexKeyBytes;
    bool fresh = false;
    ThreadInfo& thread = TouchThread(change, key, piece.thread, piece.process, &fresh);
    if (fresh) ++run.threads;
    thread.events += piece.events;
    thread.lost += piece.lost;
    if (piece.events + piece.lost > 0) {
      if (thread.first_ns == 0) thread.first_ns = piece.first_ns;
      thread.last_ns = std::max(thread.last_ns, piece.last_ns);
    }
    list->Put(Family::kChunks, ChunkKey(arrival), chunks[i]);
    list->Put(Family::kIndex, IndexKey(key, piece.thread, piece.first_seq, arrival), entry);
  }
  return {};
}

Status StoreImpl::Commit(const Batch& batch) {
  if (options_.read_only) return {Code::kPermission, "the store is open for reading only"};
  std::map<std::string, std::uint32_t> keys;
  if (const Status status = ReserveKeys(batch, &keys); !status.ok()) return status;
  std::vector<std::string> chunks;
  chunks.reserve(batch.pieces.size());
  for (const PiecePtr& piece : batch.pieces) chunks.push_back(EncodeChunk(*piece, keys[piece->run]));

  const shm::MutexLock write_lock(write_mutex_);
  Change change;
  change.next_arrival = next_arrival_;
  WriteList list;
  if (const Status status = AddRecords(batch, keys, &change, &list); !status.ok()) return status;
  if (const Status status = AddPieces(batch, chunks, &change, &list); !status.ok()) return status;
  for (const auto& [run, key] : keys) {
    const auto record = TouchRun(&change, run);
    if (!record.ok() || (*record)->key != key) {
      return {Code::kBusy, "run " + run + " was deleted or replaced while it was written"};
    }
  }
  for (auto& [run, record] : change.runs) list.Put(Family::kMeta, RunKey(run), EncodeRun(record));
  for (const auto& [key, thread] : change.threads) {
    list.Put(Family::kCatalogue,
             CatalogueKey(key.first, 0, static_cast<std::uint16_t>(RunRecordType::kThreadInfo), key.second),
             EncodeThread(thread));
  }
  if (list.empty()) return {};
  if (const Status status = guard_.Admit(list.bytes()); !status.ok()) return Written(status);
  if (broken_) {
    if (const Status status = db_->Resume(); !status.ok()) return Written(status);
    broken_ = false;
  }
  if (batch.before_write) batch.before_write(next_arrival_);
  SMILEY_TEST_POINT("store.writing");
  if (!batch.pieces.empty()) SMILEY_TEST_POINT("store.writing_pieces");
  if (const Status status = db_->Write(list); !status.ok()) {
    broken_ = true;
    return Written(status);
  }
  SMILEY_TEST_POINT("store.committed");
  next_arrival_ = change.next_arrival;
  std::set<std::uint32_t> ended;
  {
    const shm::WriteLock lock(cache_mutex_);
    for (auto& [run, record] : change.runs) {
      record.info.id = run;
      if (record.info.state == RunState::kEnded) ended.insert(record.key);
      runs_[run] = std::move(record);
    }
    problem_.clear();
  }
  for (auto& [key, thread] : change.threads) threads_[key] = std::move(thread);
  std::erase_if(threads_, [&](const auto& item) { return ended.contains(item.first.first) || item.second.ended; });
  return {};
}

Status StoreImpl::Written(const Status& status) {
  const shm::WriteLock lock(cache_mutex_);
  problem_ = status.message();
  return status;
}

Status StoreImpl::SyncLog() {
  guard_.Tick();
  const Status status = db_->SyncLog();
  SMILEY_TEST_POINT("store.synced");
  return status;
}

std::optional<std::uint64_t> StoreImpl::CursorOf(const std::string& segment) {
  const auto value = db_->Get(Family::kMeta, CursorKey(segment));
  if (!value.ok() || value->size() != 8) return std::nullopt;
  return ReadBig(*value, 0, 8);
}

std::vector<SegmentCursor> StoreImpl::Cursors() {
  std::vector<KeyValue> found;
  std::vector<SegmentCursor> cursors;
  if (!db_->Scan(Family::kMeta, kCursorKeyPrefix, After(kCursorKeyPrefix), SIZE_MAX, &found).ok()) return cursors;
  for (const auto& [key, value] : found) {
    if (value.size() == 8) cursors.push_back({key.substr(kCursorKeyPrefix.size()), ReadBig(value, 0, 8)});
  }
  return cursors;
}

std::uint64_t StoreImpl::DiskBytes() { return db_->DiskBytes(); }

std::string StoreImpl::Problem() {
  const shm::ReadLock lock(cache_mutex_);
  return problem_;
}

std::optional<RunRecord> StoreImpl::FindRecord(const std::string& run, bool importing_too) const {
  const shm::ReadLock lock(cache_mutex_);
  const auto found = runs_.find(run);
  if (found == runs_.end() || (found->second.info.state == RunState::kImporting && !importing_too))
    return std::nullopt;
  return found->second;
}

std::vector<RunRecord> StoreImpl::Records() const {
  const shm::ReadLock lock(cache_mutex_);
  std::vector<RunRecord> records;
  for (const auto& [run, record] : runs_) {
    if (record.info.state != RunState::kImporting) records.push_back(record);
  }
  return records;
}

}  // namespace smiley::daemon
