// Thread rule: an object belongs to one thread.
//
// Builds a sound store from the readable parts of a damaged one (private to daemon/store/repair). Records and chunks
// are copied, the index and all counts are computed from the chunks, and missing events become `lost`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "daemon/store/db.h"
#include "daemon/store/records.h"
#include "daemon/store/repair/repair.h"
#include "daemon/store/repair/salvage.h"
#include "daemon/store/space_guard.h"
#include "shm/base/status.h"

namespace smiley::daemon {

class Rebuild {
 public:
  // `say` as in RepairOptions.
  Rebuild(DbSalvage* from, StoreDb* to, SpaceGuard* guard, std::function<bool(const std::string&)> say);
  // Fills in `runs`, `chunks` and `broken_chunks` of the report. kVersion, kNoSpace, kInterrupted.
  Status Make(RepairReport* report);

 private:
  struct FoundChunk {
    std::uint64_t first = 0, next = 0;  // the events that it accounts for: [first, next)
    std::uint64_t arrival = 0;
    std::uint64_t events = 0, lost = 0, bytes = 0;
    std::uint64_t end_units = 0;
    std::int64_t first_ns = 0, last_ns = 0;
    std::uint32_t exceptions = 0, process = 0;
  };
  struct FoundThread {
    ThreadInfo info;
    bool recorded = false;                 // its record was read
    std::uint64_t produced = 0, lost = 0;  // of its record
    std::vector<FoundChunk> chunks;
  };
  struct FoundNames {
    std::set<std::uint32_t> strings, codes;            // ids that have a record
    std::set<std::uint32_t> used_strings, used_codes;  // ids that events use
  };
  struct FoundRun {
    RunRecord record;
    enum class Record { kMissing, kCopy, kKept } how = Record::kMissing;
    std::set<std::uint32_t> processes;  // processes that have a record
    std::map<std::uint32_t, FoundThread> threads;
    std::map<std::uint32_t, FoundNames> names;  // by process
  };

  Status ReadMeta();
  Status ReadCatalogue();
  Status ReadChunks();
  Status CarveTables();
  bool TakeChunk(std::string_view chunk, std::uint64_t arrival);  // false: it is damaged
  Status FinishRun(FoundRun* run);
  void FinishThread(FoundRun* run, FoundThread* thread, RepairedRun* done);
  void AddLoss(FoundRun* run, FoundThread* thread, const FoundChunk* before, const FoundChunk* after,
               std::uint64_t first, std::uint64_t next);
  std::uint64_t FillNames(FoundRun* run);
  Status WriteIf(std::uint64_t bytes);  // writes the list when it has more bytes

  DbSalvage* const from_;
  StoreDb* const to_;
  SpaceGuard* const guard_;
  const std::function<bool(const std::string&)> say_;
  WriteList list_;
  Status written_;
  std::map<std::uint32_t, FoundRun> runs_;
  std::set<std::uint32_t> dropped_;               // keys of runs whose import was not finished
  std::unordered_set<std::uint64_t> check_sums_;  // of the chunks that were copied
  std::uint64_t next_arrival_ = 1;
  std::uint64_t next_run_key_ = 1;
  std::uint64_t chunks_ = 0, broken_chunks_ = 0;
  RepairReport* report_ = nullptr;
};

}  // namespace smiley::daemon
