// Deletes and pins runs. One write hides a deleted run from readers; a thread of its own frees the disk space.
#include <algorithm>

#include "daemon/store/impl.h"
#include "shm/base/test_point.h"

namespace smiley::daemon {

Status StoreImpl::ListDeletion(const RunRecord& record, WriteList* list, std::vector<KeyRange>* ranges) {
  // Keys of chunks are arrival numbers: the chunks of one run are ranges between the chunks of others.
  std::string at = RunPrefix(record.key);
  const std::string end = RunPrefix(record.key + 1);
  std::vector<std::uint64_t> arrivals;
  std::vector<KeyValue> found;
  do {
    found.clear();
    if (const Status status = db_->Scan(Family::kIndex, at, end, 4096, &found); !status.ok()) return status;
    for (const auto& [key, value] : found) {
      if (key.size() == kIndexKeyBytes) arrivals.push_back(ReadBig(key, 16, 8));
    }
    if (!found.empty()) at = found.back().first + '\0';
  } while (!found.empty());
  std::sort(arrivals.begin(), arrivals.end());
  for (std::size_t i = 0; i < arrivals.size();) {
    std::size_t next = i + 1;
    while (next < arrivals.size() && arrivals[next] == arrivals[next - 1] + 1) ++next;
    if (next - i == 1) {
      list->Delete(Family::kChunks, ChunkKey(arrivals[i]));
    } else {
      list->DeleteRange(Family::kChunks, ChunkKey(arrivals[i]), ChunkKey(arrivals[next - 1] + 1));
    }
    i = next;
  }
  if (!arrivals.empty())
    ranges->push_back({Family::kChunks, ChunkKey(arrivals.front()), ChunkKey(arrivals.back() + 1)});
  for (Family family : {Family::kIndex, Family::kCatalogue, Family::kDerived}) {
    list->DeleteRange(family, RunPrefix(record.key), end);
    ranges->push_back({family, RunPrefix(record.key), end});
  }
  list->Delete(Family::kMeta, RunKey(record.info.id));
  list->Put(Family::kMeta, std::string(kArrivalKey),
            ChunkKey(next_arrival_));  // arrival numbers are never used again
  return {};
}

Status StoreImpl::DeleteRun(const std::string& run) {
  if (options_.read_only) return {Code::kPermission, "the store is open for reading only"};
  const shm::MutexLock write_lock(write_mutex_);
  const auto record = FindRecord(run, true);
  if (!record) return {Code::kNotFound, "no run " + run + " in the store"};
  WriteList list;
  std::vector<KeyRange> ranges;
  if (const Status status = ListDeletion(*record, &list, &ranges); !status.ok()) return status;
  if (const Status status = guard_.AdmitDeletion(); !status.ok()) return Written(status);
  SMILEY_TEST_POINT("store.deleting");
  if (const Status status = db_->Write(list); !status.ok()) {
    broken_ = true;
    return Written(status);
  }
  SMILEY_TEST_POINT("store.deleted");
  std::erase_if(threads_, [&](const auto& item) { return item.first.first == record->key; });
  {
    const shm::WriteLock lock(cache_mutex_);
    runs_.erase(run);
    std::erase_if(names_, [&](const auto& item) { return item.first.first == record->key; });
    recent_names_.clear();
  }
  {
    const shm::MutexLock lock(compact_mutex_);
    compact_.insert(compact_.end(), ranges.begin(), ranges.end());
    if (!compactor_.joinable()) compactor_ = std::thread([this] { CompactDeleted(); });
  }
  compact_wake_.NotifyOne();
  return {};
}

void StoreImpl::CompactDeleted() {
  while (true) {
    KeyRange range;
    bool last = false;
    {
      const shm::MutexLock lock(compact_mutex_);
      while (!stopping_ && compact_.empty()) compact_wake_.Wait(compact_mutex_);
      if (stopping_) return;
      range = std::move(compact_.front());
      compact_.pop_front();
      compacting_ = true;
      last = compact_.empty();
    }
    Status status = db_->Compact(range.family, range.from, range.to);
    SMILEY_TEST_POINT("store.compacted");
    // The log, too, holds the deleted run, as long as any family has data of that time only in memory.
    if (status.ok() && last) status = db_->Flush();
    if (!status.ok()) {
      const shm::WriteLock cache_lock(cache_mutex_);
      problem_ = status.message();
    }
    const shm::MutexLock lock(compact_mutex_);
    compacting_ = false;
    if (compact_.empty()) compacted_.NotifyAll();
  }
}

Status StoreImpl::Tidy() {
  {
    const shm::MutexLock lock(compact_mutex_);
    while (!stopping_ && (!compact_.empty() || compacting_)) compacted_.Wait(compact_mutex_);
    if (stopping_) return {Code::kInterrupted, "the store is being closed"};
  }
  return db_->Flush();
}

Status StoreImpl::SetPinned(const std::string& run, bool pinned) {
  if (options_.read_only) return {Code::kPermission, "the store is open for reading only"};
  const shm::MutexLock write_lock(write_mutex_);
  auto record = FindRecord(run);
  if (!record) return {Code::kNotFound, "no run " + run + " in the store"};
  if (record->info.pinned == pinned) return {};
  record->info.pinned = pinned;
  WriteList list;
  list.Put(Family::kMeta, RunKey(run), EncodeRun(*record));
  if (const Status status = guard_.AdmitDeletion(); !status.ok()) return Written(status);
  if (const Status status = db_->Write(list); !status.ok()) {
    broken_ = true;
    return Written(status);
  }
  const shm::WriteLock lock(cache_mutex_);
  runs_[run] = std::move(*record);
  return {};
}

}  // namespace smiley::daemon
