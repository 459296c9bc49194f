// Thread rule: functions are safe from any thread; each returns a descriptor that the caller owns.
//
// The daemon's UNIX socket: 0600 in a 0700 home, both ends check the other's user. Paths that do not fit into a
// socket address are reached through /proc/self/fd.
#pragma once

#include <sys/types.h>

#include <chrono>

#include "shm/base/home.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// Listens (non-blocking, close-on-exec). Replaces a socket that a dead daemon left. REQUIRES the home's daemon lock.
Result<int> ListenOnHome(const shm::Home& home);
// Which file the socket's name leads to; inode 0: none.
struct SocketFile {
  dev_t device = 0;
  ino_t inode = 0;
  static SocketFile At(const shm::Home& home);
  friend bool operator==(const SocketFile&, const SocketFile&) = default;
};
// Connects (non-blocking, close-on-exec), to a living daemon only. Waits up to `timeout` while the lock is held and
// nobody listens: a daemon that starts, or one that was killed and whose process is being taken down. kGone at once
// when there is none. kInterrupted when interrupt_fd (>= 0) becomes readable.
Result<int> ConnectToHome(const shm::Home& home, std::chrono::milliseconds timeout, int interrupt_fd);
// Ok when the other end runs as our user (root is not let in either: it has its own home).
Status CheckPeer(int fd);

}  // namespace smiley::daemon
