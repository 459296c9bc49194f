// Thread rule: plain values; functions are safe from any thread.
//
// One installation's directory ("home"): $SMILEY_HOME, else $XDG_STATE_HOME/smiley, else ~/.local/state/smiley.
// Everything of the installation lives under it; two homes never see each other.
#pragma once

#include <filesystem>
#include <string>

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
  std::filesystem::path SpoolDir() const { return dir / "spool"; }       // ends of runs that no daemon heard of

  // Finds or makes the home (0700, with its id, atomically under races). Fails with kPermission, kNoSpace,
  // kForeign (owned by someone else, or others may write).
  static Result<Home> Open();
  static Result<Home> OpenAt(const std::filesystem::path& dir);
};

// True while some daemon of this home holds its lock (fcntl write lock on LockPath(); never blocks).
// A process that holds the lock itself may ask too: its lock survives.
bool DaemonHoldsLock(const Home& home);
// Takes that lock for as long as the returned descriptor is open (close-on-exec; a forked child that keeps it holds
// the lock too). The lock belongs to the open file (F_OFD_SETLK), so no other open and close of it by this process
// can drop it. kBusy: another daemon has it.
Result<int> TakeDaemonLock(const Home& home);

}  // namespace smiley::shm
