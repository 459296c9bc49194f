#include "shm/base/lock_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <string>
#include <system_error>

namespace smiley::shm {
namespace {

namespace fs = std::filesystem;

struct flock WholeFile() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

// Whether descriptor `fd` of process `pid` has the lock. The kernel lists locks in the descriptor's fdinfo.
bool HoldsLock(const std::string& pid, const std::string& fd) {
  std::ifstream in("/proc/" + pid + "/fdinfo/" + fd);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("lock:") && line.find(" WRITE ") != std::string::npos) return true;
  }
  return false;
}

bool HoldsLock(const std::string& pid, const struct stat& file) {
  std::error_code error;
  for (fs::directory_iterator at("/proc/" + pid + "/fd", error), end; !error && at != end; at.increment(error)) {
    struct stat info;
    if (stat(at->path().c_str(), &info) != 0 || info.st_dev != file.st_dev || info.st_ino != file.st_ino) continue;
    if (HoldsLock(pid, at->path().filename().string())) return true;
  }
  return false;
}

}  // namespace

Result<LockFile> LockFile::Take(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Status::FromErrno("cannot open " + path.string(), errno);
  struct flock lock = WholeFile();
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return LockFile(fd);
  const int error = errno;
  close(fd);
  if (error == EAGAIN || error == EACCES) return Status(Code::kBusy, path.string() + " is locked by another process");
  return Status::FromErrno("cannot lock " + path.string(), error);
}

bool LockFile::IsHeld(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  struct flock lock = WholeFile();
  const bool held = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  close(fd);
  return held;
}

pid_t LockFile::FindHolder(const fs::path& path) {
  struct stat file;
  if (!IsHeld(path) || stat(path.c_str(), &file) != 0) return 0;
  std::error_code error;
  for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    pid_t pid = 0;
    const auto [rest, failed] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (failed != std::errc() || rest != name.data() + name.size()) continue;
    if (HoldsLock(name, file)) return pid;
  }
  return 0;
}

LockFile::~LockFile() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace smiley::shm
