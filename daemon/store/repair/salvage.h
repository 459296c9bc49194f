// Thread rule: an object belongs to one thread. RocksDB is included by store*.cc only.
//
// Reads of a damaged database what can still be read: it works on links to the tables and on copies of everything
// else, so the original is never written to. It says nothing of runs or chunks (daemon/store/repair/repair.h does).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/store/db.h"
#include "shm/base/status.h"

namespace smiley::daemon {

class DbSalvage {
 public:
  // `work` must not exist, on the same file system as `dir`; it is there as long as the object. kNotFound: there is
  // no database. A database of which nothing can be read opens, too, and has nothing in it.
  static Result<std::unique_ptr<DbSalvage>> Open(const std::filesystem::path& dir, const std::filesystem::path& work);
  ~DbSalvage();

  // Gives each record of a family that can be read: those of the database in the order of their keys, then what its
  // damaged parts have in files of their own. `take` says false to stop (kInterrupted).
  using Take = std::function<bool(std::string_view key, std::string_view value)>;
  Status Read(Family family, const Take& take);
  // It opened as a store does, and no record of its log had to be passed over.
  bool opened_whole() const;
  // True when it did not, or Read found a part of the family unreadable: records of it may be missing.
  bool Damaged(Family family) const;
  // The table files, as they stand.
  std::vector<std::filesystem::path> Tables() const;
  // What was found and done so far, a line each.
  const std::vector<std::string>& findings() const;

 private:
  DbSalvage() = default;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace smiley::daemon
