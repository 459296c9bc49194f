// Thread rule: a free function, for one process at a time.
//
// Repairs a damaged store: builds a sound one beside it from the readable parts, then exchanges the two. The damaged
// store is never written to, and is kept. Details: daemon/store/STORE.md, "Repair".
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
  std::uint64_t reserve_bytes = 64u << 20;  // free space that has to stay free; 0 = any
  // Called now and then with the current step, one line. It returns false to stop and leave everything as it was. May
  // be empty.
  std::function<bool(const std::string&)> progress;
};

struct RepairedRun {
  std::string id;
  std::uint64_t events = 0, lost = 0;  // in the repaired store
  std::uint64_t newly_lost = 0;        // events that the damage lost
  std::uint64_t lost_names = 0;        // names of functions and variables that the damage lost
  // "kept"; "copy": the record was lost and its copy is used; "made": both were lost, id and command are unknown.
  std::string record = "kept";
  bool touched() const { return newly_lost > 0 || lost_names > 0 || record != "kept"; }
};

struct RepairReport {
  bool sound = false;                 // there was nothing to repair, and nothing was changed
  std::vector<std::string> findings;  // the damage, a line each
  std::vector<RepairedRun> runs;      // all runs of the repaired store
  std::uint64_t chunks = 0, broken_chunks = 0;
  std::filesystem::path damaged;  // where the damaged store is now
};

// kNotFound: there is no store; kVersion; kNoSpace: no room for a second store; kInterrupted; kDamaged: the new store
// is not sound. Unless ok(), the store's directory is left as it was. REQUIRES the daemon's lock of the home.
Result<RepairReport> RepairStore(const RepairOptions& options);

}  // namespace smiley::daemon
