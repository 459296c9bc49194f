// Thread rule: functions are safe from any thread; Save belongs to whoever holds the daemon's lock.
//
// What people told the daemon of a home once and expect of every later one, also of those that commands start by
// themselves: a file `settings.json` in the home (0600).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "shm/base/home.h"
#include "shm/base/status.h"

namespace smiley::daemon {

struct Settings {
  std::filesystem::path store;    // empty: the home's
  std::uint64_t quota_bytes = 0;  // 0 = none
  std::string listen;             // HOST:PORT, empty = none
  friend bool operator==(const Settings&, const Settings&) = default;
};

// No file: defaults. kDamaged: it cannot be read (its message says what to do).
Result<Settings> LoadSettings(const shm::Home& home);
// Whole or not at all; removes the file when all are defaults.
Status SaveSettings(const shm::Home& home, const Settings& settings);

}  // namespace smiley::daemon
