// Thread rule: each function is called once, by the main thread of its process, before other threads exist.
//
// The daemon as a process: one in each home, which a lock ensures; detached from its starter; serves until it is
// stopped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "shm/base/home.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// Options that are set are kept in the home's settings (settings.h) for later starts; options that are not set are
// read from there.
struct DaemonOptions {
  shm::Home home;
  std::optional<std::filesystem::path> store;  // directory of the store; empty path: the one in the home
  std::optional<std::uint64_t> quota_bytes;    // size that the store may have; 0 = no limit
  std::optional<std::string> listen;           // HOST:PORT for clients on other machines; empty = none
  std::string web;                             // address of the page: see Server::Options; not kept
  std::uint64_t reserve_bytes = 64u << 20;     // disk space that stays free; writes that need it are refused
};

// Starts a daemon in the background and returns when it listens. kBusy: another daemon of the home runs, and listens
// by now. Other codes: the daemon's reason for not starting, in one line.
Status StartDaemon(const DaemonOptions& options);

// Runs the daemon in this process. Returns when it was stopped (request, SIGTERM, SIGINT, SIGHUP) and every drained
// event is stored.
Status RunDaemon(const DaemonOptions& options);

}  // namespace smiley::daemon
