// Thread rule: each function is called once, by the main thread of its process, before other threads exist.
//
// The daemon as a process: one per home (lock), born clean and detached, serving until it is told to stop.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "shm/base/home.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// What is given here is kept in the home's settings (settings.h) for every later start; the rest is taken from there.
struct DaemonOptions {
  shm::Home home;
  std::optional<std::filesystem::path> store;  // directory of the store; empty path: the home's
  std::optional<std::uint64_t> quota_bytes;    // what the store may take: the oldest runs go; 0 = no limit
  std::optional<std::string> listen;           // HOST:PORT for clients elsewhere (TLS and token); empty = none
  std::string web;                             // where the page is served: see Server::Options; not kept
  std::uint64_t reserve_bytes = 64u << 20;     // disk space that always stays free; below it recording stops
};

// Makes a daemon in the background and returns when it listens. kBusy: one runs already (its start was waited for, so
// that it listens by now); else the daemon's own reason, in one line.
Status StartDaemon(const DaemonOptions& options);

// Is the daemon: returns when it was told to stop (request, SIGTERM, SIGINT) and everything drained is stored.
Status RunDaemon(const DaemonOptions& options);

}  // namespace smiley::daemon
