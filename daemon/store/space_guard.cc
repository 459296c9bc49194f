#include "daemon/store/space_guard.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <limits>

namespace smiley::daemon {

SpaceGuard::SpaceGuard(std::filesystem::path dir, std::uint64_t reserve_bytes)
    : dir_(std::move(dir)), reserve_(reserve_bytes), ballast_bytes_(reserve_bytes / 4) {
  std::error_code error;
  ballast_ = std::filesystem::exists(dir_ / kBallastName, error);
}

std::uint64_t SpaceGuard::FreeBytes() const {
  struct statvfs info;
  if (statvfs(dir_.c_str(), &info) != 0) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

Status SpaceGuard::Admit(std::uint64_t bytes) {
  if (reserve_ == 0) return {};
  const std::uint64_t free = FreeBytes();
  if (free >= reserve_ + bytes) return {};
  const shm::MutexLock lock(mutex_);
  DropBallast();  // makes room for flushing the writes that were admitted before
  return {Code::kNoSpace, "no space in " + dir_.string() + ": " + std::to_string(free >> 20) + " MiB free, " +
                              std::to_string((reserve_ + bytes) >> 20) +
                              " MiB needed; free some space, or delete runs with smiley-delete"};
}

Status SpaceGuard::AdmitDeletion() {
  if (reserve_ == 0 || FreeBytes() >= reserve_ / 4) return {};
  {
    const shm::MutexLock lock(mutex_);
    DropBallast();
  }
  if (FreeBytes() >= reserve_ / 4) return {};
  return {Code::kNoSpace, "the disk of " + dir_.string() + " is too full even to delete runs: free some space first"};
}

void SpaceGuard::Tick() {
  if (reserve_ == 0) return;
  const std::uint64_t free = FreeBytes();
  const shm::MutexLock lock(mutex_);
  if (ballast_ && free < reserve_ / 2) DropBallast();
  if (!ballast_ && free > 2 * reserve_ + ballast_bytes_) LayBallast();
}

void SpaceGuard::LayBallast() {
  const std::filesystem::path path = dir_ / kBallastName;
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  ballast_ = posix_fallocate(fd, 0, static_cast<off_t>(ballast_bytes_)) == 0;
  close(fd);
  if (!ballast_) unlink(path.c_str());
}

bool SpaceGuard::DropBallast() {
  if (!ballast_) return false;
  ballast_ = false;
  return unlink((dir_ / kBallastName).c_str()) == 0;
}

}  // namespace smiley::daemon
