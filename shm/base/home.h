// Thread rule: plain values; functions are safe from any thread.
//
// The directory of one installation ("home"): $SMILEY_HOME, else $XDG_STATE_HOME/smiley, else ~/.local/state/smiley.
// All files of the installation are under it. Two homes share nothing.
#pragma once

#include <filesystem>
#include <string>

#include "shm/base/lock_file.h"
#include "shm/base/status.h"

namespace smiley::shm {

struct Home {
  std::filesystem::path dir;  // absolute; mode 0700
  std::string id;             // 8 lower-case hex digits, random, kept in dir/id

  std::filesystem::path StoreDir() const { return dir / "store"; }
  std::filesystem::path SocketPath() const { return dir / "daemon.sock"; }
  std::filesystem::path LockPath() const { return dir / "daemon.lock"; }
  std::filesystem::path LogPath() const { return dir / "daemon.log"; }
  std::filesystem::path SegmentDir() const { return dir / "segments"; }  // segments that did not fit in /dev/shm
  std::filesystem::path SpoolDir() const { return dir / "spool"; }       // ends of runs that no daemon has read yet

  // Finds the home, or creates it with mode 0700 and an id. Processes that create it at the same time get the same
  // id. Fails with kPermission or kNoSpace, or with kForeign when another user owns it or may write to it.
  static Result<Home> Open();
  static Result<Home> OpenAt(const std::filesystem::path& dir);
};

// Takes the lock that limits a home to one daemon. kBusy: a daemon has it.
Result<LockFile> TakeDaemonLock(const Home& home);
// Whether a daemon has that lock, this process included. Never blocks.
bool DaemonHoldsLock(const Home& home);
// The daemon's pid; 0 when no daemon has the lock, or when its process is not visible (see LockFile::FindHolder).
pid_t FindDaemon(const Home& home);

}  // namespace smiley::shm
