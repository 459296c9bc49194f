// Thread rule: a LockFile belongs to one thread at a time; the static functions are safe from any thread.
//
// A lock on a file, which at most one process holds. The lock belongs to the open file (F_OFD_SETLK). So no other
// open and close of the file by the same process drops it, and a forked child that keeps the descriptor holds it too.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <utility>

#include "shm/base/status.h"

namespace smiley::shm {

class LockFile {
 public:
  // Takes the lock without waiting, and makes the file (0600) when there is none. kBusy: someone holds it already.
  static Result<LockFile> Take(const std::filesystem::path& path);
  // Whether anyone holds the lock, this process included. False when there is no such file.
  static bool IsHeld(const std::filesystem::path& path);
  // The process that holds the lock; 0 when nobody does, or when its holder is not to be seen from here (another
  // user's, another pid namespace's). Looks through /proc: some milliseconds.
  static pid_t FindHolder(const std::filesystem::path& path);

  ~LockFile();  // gives the lock back
  LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  LockFile& operator=(LockFile&&) = delete;

 private:
  explicit LockFile(int fd) : fd_(fd) {}
  int fd_;  // close-on-exec; -1: moved away
};

}  // namespace smiley::shm
