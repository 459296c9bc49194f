// Thread rule: any thread; SaveSettings only in the process that holds the home's daemon lock.
//
// Options of smiley-daemon start that hold for every later daemon of the home, also for those that other commands
// start. They are kept in `settings.json` in the home (0600).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "shm/base/home.h"
#include "shm/base/status.h"

namespace smiley::daemon {

struct Settings {
  std::filesystem::path store;    // directory of the store; empty: the one in the home
  std::uint64_t quota_bytes = 0;  // 0 = no limit
  std::string listen;             // HOST:PORT for clients on other machines; empty = none
  friend bool operator==(const Settings&, const Settings&) = default;
};

// Without a file: the defaults. kDamaged: the file cannot be read; the message says what to do.
Result<Settings> LoadSettings(const shm::Home& home);
// Replaces the file, whole or not at all. Removes it when all settings are defaults.
Status SaveSettings(const shm::Home& home, const Settings& settings);

// The directory of the home's store: the one that the settings name, else the one in the home.
std::filesystem::path StoreDir(const shm::Home& home, const Settings& settings);

}  // namespace smiley::daemon
