// Thread rule: the one of Store. write_mutex_ serialises writers, cache_mutex_ guards the cached records and names.
//
// The Store over a StoreDb (private to daemon/store).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "daemon/run/names.h"
#include "daemon/store/db.h"
#include "daemon/store/records.h"
#include "daemon/store/space_guard.h"
#include "daemon/store/store.h"
#include "shm/base/mutex.h"

namespace smiley::daemon {

class StoreImpl : public Store {
 public:
  StoreImpl(std::unique_ptr<StoreDb> db, const Options& options);
  ~StoreImpl() override;
  // Reads version, runs and counters, or writes a new store's first records. Deletes half-imported runs. REQUIRES
  // that no other thread knows the store yet.
  Status Load() SMILEY_UNCHECKED;

  Status Commit(const Batch& batch) override;
  Status SyncLog() override;
  Status DeleteRun(const std::string& run) override;
  Status SetPinned(const std::string& run, bool pinned) override;
  Status Tidy() override;
  Status PutDerived(const std::string& run, const std::vector<DerivedItem>& items) override;
  Status ClearDerived(const std::string& run) override;
  std::optional<std::uint64_t> CursorOf(const std::string& segment) override;
  std::vector<SegmentCursor> Cursors() override;
  std::uint64_t DiskBytes() override;
  const std::filesystem::path& dir() const override { return options_.dir; }
  std::string Problem() override;
  std::uint64_t FreeBytes() override { return guard_.FreeBytes(); }
  Archive& archive() override { return *archive_; }
  Result<std::unique_ptr<StoredCursor>> OpenStored(const std::string& run, std::uint32_t thread,
                                                   std::uint64_t from_seq) override;
  Status Check(const std::optional<std::string>& run, std::vector<std::string>* report) override;

  // ---- for the archive and the check
  StoreDb& db() { return *db_; }
  std::optional<RunRecord> FindRecord(const std::string& run, bool importing_too = false) const;
  std::vector<RunRecord> Records() const;
  // Every record of one type, of the run (process 0) or of a process, ordered by id.
  Status ScanRecords(std::uint32_t run, std::uint32_t process, std::uint16_t type, std::vector<KeyValue>* out) const;
  Result<std::shared_ptr<const Names>> NamesOf(std::uint32_t run, std::uint32_t process);

 private:
  // The changes of one Commit to the cached records. They are applied when the batch is written.
  struct Change {
    std::map<std::string, RunRecord> runs;
    std::map<std::pair<std::uint32_t, std::uint32_t>, ThreadInfo> threads;  // (run key, thread)
    std::uint64_t next_arrival = 0;
  };
  Result<RunRecord*> TouchRun(Change* change, const std::string& run);
  ThreadInfo& TouchThread(Change* change, std::uint32_t run, std::uint32_t thread, std::uint32_t process, bool* fresh)
      SMILEY_REQUIRES_LOCK(write_mutex_);
  Status ReserveKeys(const Batch& batch, std::map<std::string, std::uint32_t>* keys);
  Status AddRecords(const Batch& batch, const std::map<std::string, std::uint32_t>& keys, Change* change,
                    WriteList* list) SMILEY_REQUIRES_LOCK(write_mutex_);
  Status AddPieces(const Batch& batch, const std::vector<std::string>& chunks, Change* change, WriteList* list)
      SMILEY_REQUIRES_LOCK(write_mutex_);
  // Writes a list of changes to keys that begin with the run key, unless the run was deleted meanwhile.
  Status WriteDerived(const std::string& run, const std::function<void(const std::string& prefix, WriteList*)>& fill);
  Status Written(const Status& status);
  struct KeyRange {
    Family family;
    std::string from, to;
  };
  Status ListDeletion(const RunRecord& record, WriteList* list, std::vector<KeyRange>* ranges)
      SMILEY_REQUIRES_LOCK(write_mutex_);
  void CompactDeleted();

  const Options options_;
  std::unique_ptr<StoreDb> db_;
  SpaceGuard guard_;
  std::unique_ptr<Archive> archive_;

  shm::Mutex write_mutex_;
  std::uint64_t next_arrival_ SMILEY_GUARDED_BY(write_mutex_) = 1;
  std::uint32_t next_run_key_ SMILEY_GUARDED_BY(write_mutex_) = 1;
  // (run key, thread) to record, for threads that have not ended.
  std::map<std::pair<std::uint32_t, std::uint32_t>, ThreadInfo> threads_ SMILEY_GUARDED_BY(write_mutex_);
  bool broken_ SMILEY_GUARDED_BY(write_mutex_) = false;  // a write has failed: Resume before the next one

  mutable shm::SharedMutex cache_mutex_;
  std::map<std::string, RunRecord> runs_ SMILEY_GUARDED_BY(cache_mutex_);
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::weak_ptr<const Names>> names_
      SMILEY_GUARDED_BY(cache_mutex_);
  // Keeps the names that were used last alive.
  std::deque<std::shared_ptr<const Names>> recent_names_ SMILEY_GUARDED_BY(cache_mutex_);
  std::string problem_ SMILEY_GUARDED_BY(cache_mutex_);

  shm::Mutex compact_mutex_;
  shm::Condition compact_wake_, compacted_;
  std::deque<KeyRange> compact_ SMILEY_GUARDED_BY(compact_mutex_);
  bool compacting_ SMILEY_GUARDED_BY(compact_mutex_) = false;
  bool stopping_ SMILEY_GUARDED_BY(compact_mutex_) = false;
  std::thread compactor_;
};

std::unique_ptr<Archive> MakeStoreArchive(StoreImpl* store);

}  // namespace smiley::daemon
