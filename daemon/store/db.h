// Thread rule: any thread; Write calls take turns inside RocksDB.
//
// The key-value store under the Store: five families of keys, atomic writes through a log, ordered scans. It knows
// nothing of runs or chunks. Only db.cc and repair/salvage.cc use RocksDB.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shm/base/status.h"

namespace smiley::daemon {

enum class Family : std::uint8_t { kMeta, kChunks, kIndex, kCatalogue, kDerived };
inline constexpr std::size_t kFamilies = 5;

// Changes that are written together or not at all, in the order in which they were added.
class WriteList {
 public:
  enum class Op : std::uint8_t { kPut, kDelete, kDeleteRange };
  struct Change {
    Op op;
    Family family;
    std::string key, value;  // kDeleteRange: [key, value)
  };
  void Put(Family family, std::string key, std::string value) {
    Add(Op::kPut, family, std::move(key), std::move(value));
  }
  void Delete(Family family, std::string key) { Add(Op::kDelete, family, std::move(key), {}); }
  void DeleteRange(Family family, std::string from, std::string to) {
    Add(Op::kDeleteRange, family, std::move(from), std::move(to));
  }
  const std::vector<Change>& changes() const { return changes_; }
  std::uint64_t bytes() const { return bytes_; }
  bool empty() const { return changes_.empty(); }

 private:
  void Add(Op op, Family family, std::string key, std::string value) {
    bytes_ += key.size() + value.size() + 32;
    changes_.push_back({op, family, std::move(key), std::move(value)});
  }
  std::vector<Change> changes_;
  std::uint64_t bytes_ = 0;
};

using KeyValue = std::pair<std::string, std::string>;

class StoreDb {
 public:
  // Opens the database in `dir`, or creates it unless read_only. kBusy: another process has it open; kNotFound:
  // read_only, and there is none; kDamaged; kPermission; kNoSpace.
  static Result<std::unique_ptr<StoreDb>> Open(const std::filesystem::path& dir, bool read_only);
  ~StoreDb();

  Status Write(const WriteList& list);  // in the log when it returns; kIo, kNoSpace
  Status SyncLog();
  // kNotFound: no such key.
  Result<std::string> Get(Family family, std::string_view key) const;
  // At most `limit` pairs of [from, to), in order.
  Status Scan(Family family, std::string_view from, std::string_view to, std::size_t limit,
              std::vector<KeyValue>* out) const;
  // The last pair of [from, to); nullopt: none.
  Result<std::optional<KeyValue>> Last(Family family, std::string_view from, std::string_view to) const;
  // Frees the disk space of deleted keys in [from, to). May take minutes; CancelCompactions ends it early.
  Status Compact(Family family, std::string_view from, std::string_view to);
  // Writes the memory of all families to tables. The log up to now is not needed any more.
  Status Flush();
  // Reads every table and compares its check sums. kDamaged: with the name of the file.
  Status Verify() const;
  // Makes a running Compact return.
  void CancelCompactions();
  // Called after a write error whose cause may have passed (disk full in a flush). Ok: writes are possible again.
  Status Resume();
  std::uint64_t DiskBytes() const;

 private:
  StoreDb() = default;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace smiley::daemon
