// Thread rule: functions are safe from any thread; each returns a descriptor that the caller owns.
//
// The daemon's UNIX socket. It has mode 0600 in a home of mode 0700, and each end checks the user of the other end. A
// path that is too long for a socket address is reached through /proc/self/fd.
#pragma once

#include <sys/types.h>

#include <chrono>

#include "shm/base/home.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// Listens on the home's socket (non-blocking, close-on-exec). Replaces the socket file of a dead daemon. REQUIRES the
// home's daemon lock.
Result<int> ListenOnHome(const shm::Home& home);
// The file at the path of a home's socket; inode 0: there is none.
struct SocketFile {
  dev_t device = 0;
  ino_t inode = 0;
  static SocketFile Find(const shm::Home& home);
  friend bool operator==(const SocketFile&, const SocketFile&) = default;
};
// Connects to the home's daemon (non-blocking, close-on-exec). Waits up to `timeout` while the lock is held and no
// process listens: then a daemon is starting, or the kernel is still ending a killed one. kGone at once when there is
// no daemon. kInterrupted when interrupt_fd (>= 0) becomes readable.
Result<int> ConnectToHome(const shm::Home& home, std::chrono::milliseconds timeout, int interrupt_fd);
// Ok when the process at the other end runs as this process's user. Root is refused too: it has a home of its own.
Status CheckPeer(int fd);

}  // namespace smiley::daemon
