// Thread rule: plain values; functions are safe from any thread.
//
// One installation's directory ("home"): $SMILEY_HOME, else $XDG_STATE_HOME/smiley, else ~/.local/state/smiley.
// Everything of the installation lives under it; two homes never see each other.
#pragma once

#include <filesystem>
#include <string>

#include "shm/base/lock_file.h"
#include "shm/base/status.h"

namespace smiley::shm {

struct Home {
  std::filesystem::path dir;  // absolute, 0700
  std::string id;             // 8 lower-case hex digits, random, kept in dir/id

  std::filesystem::path StoreDir() const { return dir / "store"; }
  std::filesystem::path SocketPath() const { return dir / "daemon.sock"; }
  std::filesystem::path LockPath() const { return dir / "daemon.lock"; }
  std::filesystem::path LogPath() const { return dir / "daemon.log"; }
  std::filesystem::path SegmentDir() const { return dir / "segments"; }  // segments that did not fit in /dev/shm
  std::filesystem::path SpoolDir() const { return dir / "spool"; }       // ends of runs that no daemon has read yet

  // Finds the home, or makes it: 0700, with its id, atomically under races. Fails with kPermission, kNoSpace, or
  // kForeign when it belongs to someone else or others may write to it.
  static Result<Home> Open();
  static Result<Home> OpenAt(const std::filesystem::path& dir);
};

// The lock by which a home has at most one daemon. TakeDaemonLock: kBusy when a daemon has it.
Result<LockFile> TakeDaemonLock(const Home& home);
// Whether a daemon has that lock, be it this process. Never blocks.
bool DaemonHoldsLock(const Home& home);
// The daemon's pid; 0 when no daemon has the lock, or its process cannot be seen from here.
pid_t FindDaemon(const Home& home);

}  // namespace smiley::shm
