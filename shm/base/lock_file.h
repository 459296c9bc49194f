// Thread rule: a LockFile belongs to one thread at a time; the static functions are safe from any thread.
//
// A lock on a file, which at most one process holds. The lock belongs to the open file (F_OFD_SETLK). So it survives
// another open and close of the file by the same process. A forked child that keeps the descriptor holds it, too.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <utility>

#include "shm/base/status.h"

namespace smiley::shm {

class LockFile {
 public:
  // Takes the lock without waiting, and creates the file (0600) when there is none. kBusy: the lock is held already.
  static Result<LockFile> Take(const std::filesystem::path& path);
  // Whether anyone holds the lock, this process included. False when there is no such file.
  static bool IsHeld(const std::filesystem::path& path);
  // The pid of the lock's holder. 0: nobody holds it, or the holder belongs to another user or pid namespace and is
  // not visible. Searches /proc, which takes some milliseconds.
  static pid_t FindHolder(const std::filesystem::path& path);

  ~LockFile();  // releases the lock
  LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  LockFile& operator=(LockFile&&) = delete;

 private:
  explicit LockFile(int fd) : fd_(fd) {}
  int fd_;  // close-on-exec; -1: moved from
};

}  // namespace smiley::shm
