// Thread rule: an object belongs to one thread.
//
// Reads the readable parts of a damaged database. It works on links to the tables and copies of all other files, so
// the original is never written to. It knows nothing of runs or chunks.
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
  // Creates the directory `work`, which exists as long as the object. REQUIRES that it does not exist before, and
  // that it is on the file system of `dir`. kNotFound: there is no database. One that cannot be read at all opens as
  // empty.
  static Result<std::unique_ptr<DbSalvage>> Open(const std::filesystem::path& dir, const std::filesystem::path& work);
  ~DbSalvage();

  // Passes each readable record of a family to `take`: first those of the database, ordered by key, then those that
  // only single tables have. `take` returns false to stop (kInterrupted).
  using Take = std::function<bool(std::string_view key, std::string_view value)>;
  Status Read(Family family, const Take& take);
  // True when the database opened as the store opens it, and every record of its log was read.
  bool opened_whole() const;
  // True when records of the family may be missing: the database did not open whole, or Read met an unreadable part.
  bool Damaged(Family family) const;
  // The paths of all table files.
  std::vector<std::filesystem::path> Tables() const;
  // The damage found so far, and the steps taken, a line each.
  const std::vector<std::string>& findings() const;

 private:
  DbSalvage() = default;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace smiley::daemon
