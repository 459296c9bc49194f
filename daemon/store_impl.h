// Thread rule: as Store says; write_mutex_ serialises writers, cache_mutex_ guards what is kept of runs.
//
// The Store over a StoreDb (private to daemon/store*.cc).
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "daemon/space_guard.h"
#include "daemon/store.h"
#include "daemon/store_db.h"
#include "daemon/store_names.h"
#include "daemon/store_records.h"

namespace smiley::daemon {

class StoreImpl : public Store {
 public:
  StoreImpl(std::unique_ptr<StoreDb> db, const Options& options);
  ~StoreImpl() override;
  // Reads versions, runs and counters; makes a new store's first records. Removes half-imported runs.
  Status Load();

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

  // For the archive and the check.
  StoreDb& db() { return *db_; }
  std::optional<RunRecord> FindRecord(const std::string& run, bool importing_too = false) const;
  std::vector<RunRecord> Records() const;
  // Every record of one type of a run (or of one process), in order of id.
  Status ScanRecords(std::uint32_t run, std::uint32_t process, std::uint16_t type, std::vector<KeyValue>* out) const;
  Result<std::shared_ptr<const Names>> NamesOf(std::uint32_t run, std::uint32_t process);

 private:
  // What one Commit would change in memory; taken over when it is written.
  struct Change {
    std::map<std::string, RunRecord> runs;
    std::map<std::pair<std::uint32_t, std::uint32_t>, ThreadInfo> threads;  // (run key, thread)
    std::uint64_t next_arrival = 0;
  };
  Result<RunRecord*> TouchRun(Change* change, const std::string& run);
  ThreadInfo& TouchThread(Change* change, std::uint32_t run, std::uint32_t thread, std::uint32_t process,
                          bool* fresh);
  Status ReserveKeys(const Batch& batch, std::map<std::string, std::uint32_t>* keys);
  Status AddRecords(const Batch& batch, const std::map<std::string, std::uint32_t>& keys, Change* change,
                    WriteList* list);
  Status AddPieces(const Batch& batch, const std::vector<std::string>& chunks, Change* change, WriteList* list);
  // Writes a list under the run's own number, unless the run has gone meanwhile.
  Status WriteDerived(const std::string& run, const std::function<void(const std::string& prefix, WriteList*)>& fill);
  Status Written(const Status& status);
  struct KeyRange {
    Family family;
    std::string from, to;
  };
  Status ListDeletion(const RunRecord& record, WriteList* list, std::vector<KeyRange>* ranges);
  void CompactDeleted();

  const Options options_;
  std::unique_ptr<StoreDb> db_;
  SpaceGuard guard_;
  std::unique_ptr<Archive> archive_;

  std::mutex write_mutex_;
  std::uint64_t next_arrival_ = 1;
  std::uint32_t next_run_key_ = 1;
  std::map<std::pair<std::uint32_t, std::uint32_t>, ThreadInfo> threads_;  // of runs going on; under write_mutex_
  bool broken_ = false;                                                    // under write_mutex_: try Resume first

  mutable std::shared_mutex cache_mutex_;
  std::map<std::string, RunRecord> runs_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::weak_ptr<const Names>> names_;
  std::deque<std::shared_ptr<const Names>> recent_names_;  // keeps the latest few
  std::string problem_;

  std::mutex compact_mutex_;
  std::condition_variable compact_wake_, compacted_;
  std::deque<KeyRange> compact_;
  bool compacting_ = false;
  bool stopping_ = false;
  std::thread compactor_;
};

std::unique_ptr<Archive> MakeStoreArchive(StoreImpl* store);

}  // namespace smiley::daemon
