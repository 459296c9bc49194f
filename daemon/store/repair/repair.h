// Thread rule: a free function; one process at a time (REQUIRES the daemon's lock of the home).
//
// Repairs a damaged store: beside it a sound one is made of what can be read, then the two change places. The damaged
// one is never written to and is kept. What it does in detail: daemon/store/STORE.md, "Repair".
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "shm/base/status.h"

namespace smiley::daemon {

struct RepairOptions {
  std::filesystem::path dir;
  std::uint64_t reserve_bytes = 64u << 20;  // free space that has to stay; 0 = do not ask
  // Told what is being done, now and then; false: stop, leave everything as it was. May be empty.
  std::function<bool(const std::string&)> progress;
};

struct RepairedRun {
  std::string id;
  std::uint64_t events = 0, lost = 0;  // that it has now
  std::uint64_t newly_lost = 0;        // events that became lost
  std::uint64_t lost_names = 0;        // names of functions and variables that are not known any more
  std::string record = "kept";  // "kept"; "copy": as it was last described; "made": its id and command are not known
  bool touched() const { return newly_lost > 0 || lost_names > 0 || record != "kept"; }
};

struct RepairReport {
  bool sound = false;                 // there was nothing to repair; nothing was changed
  std::vector<std::string> findings;  // what is wrong with the damaged store
  std::vector<RepairedRun> runs;      // all that are in the store now
  std::uint64_t chunks = 0, broken_chunks = 0;
  std::filesystem::path damaged;  // where the damaged store is now
};

// kNotFound: no store; kVersion; kNoSpace: a second store has no room; kInterrupted; kDamaged: what was made is not
// sound (nothing was changed then). The store's directory is left as it was unless ok().
Result<RepairReport> RepairStore(const RepairOptions& options);

}  // namespace smiley::daemon
