#include "shm/base/home.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "shm/base/random.h"

namespace smiley::shm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kIdDigits = 8;

bool IsHomeId(const std::string& text) {
  if (text.size() != kIdDigits) return false;
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

// Creates every missing directory down to `dir`, each with mode 0700 whatever the umask is.
Status MakeDirectories(const fs::path& dir) {
  struct stat info;
  if (stat(dir.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return Status::Ok();
    return {Code::kInvalid, dir.string() + " is not a directory: set SMILEY_HOME to one"};
  }
  if (errno != ENOENT) return Status::FromErrno("cannot look at " + dir.string(), errno);
  if (dir.has_parent_path() && dir.parent_path() != dir) {
    if (Status made = MakeDirectories(dir.parent_path()); !made.ok()) return made;
  }
  if (mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    const int error = errno;
    Status status = Status::FromErrno("cannot make " + dir.string(), error);
    return {status.code(), status.message() + " (set SMILEY_HOME to a directory of yours)"};
  }
  return Status::Ok();
}

Status CheckPrivate(const fs::path& dir) {
  struct stat info;
  if (stat(dir.c_str(), &info) != 0) return Status::FromErrno("cannot look at " + dir.string(), errno);
  if (info.st_uid != geteuid()) {
    return {Code::kForeign, dir.string() + " belongs to another user: set SMILEY_HOME to a directory of yours"};
  }
  if (info.st_mode & 022) {
    return {Code::kForeign, dir.string() + " may be written by others: chmod go-w it, or set SMILEY_HOME"};
  }
  if ((info.st_mode & 0777) != 0700 && chmod(dir.c_str(), 0700) != 0) {
    return Status::FromErrno("cannot make " + dir.string() + " private", errno);
  }
  return Status::Ok();
}

// Reads the id in `path`. kNotFound: there is none yet.
Result<std::string> ReadId(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return Status::FromErrno("cannot read " + path.string(), errno);
  char text[32];
  const ssize_t got = read(fd, text, sizeof text);
  const int error = errno;
  close(fd);
  if (got < 0) return Status::FromErrno("cannot read " + path.string(), error);
  std::string id(text, static_cast<std::size_t>(got));
  while (!id.empty() && id.back() == '\n') id.pop_back();
  if (!IsHomeId(id))
    return Status(Code::kDamaged, path.string() + " does not hold a home's id: restore or remove it");
  return id;
}

// Writes a new id to another file and links it into place. The first link wins, and no process reads half an id.
Status MakeId(const fs::path& path) {
  std::uint32_t random[3];
  if (!FillRandom(random, sizeof random)) return Status::FromErrno("cannot get random numbers", errno);
  char id[kIdDigits + 2];
  std::snprintf(id, sizeof id, "%08x\n", random[0]);
  char suffix[32];
  std::snprintf(suffix, sizeof suffix, ".%08x%08x", random[1], random[2]);
  const std::string aside = path.string() + suffix;
  const int fd = open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    Status status = Status::FromErrno("cannot write in " + path.parent_path().string(), errno);
    return {status.code(), status.message() + " (set SMILEY_HOME to a directory of yours)"};
  }
  const ssize_t put = write(fd, id, kIdDigits + 1);
  const int write_error = put < 0 ? errno : ENOSPC;
  close(fd);
  Status status;
  if (put != static_cast<ssize_t>(kIdDigits + 1)) {
    status = Status::FromErrno("cannot write " + path.string(), write_error);
  } else if (link(aside.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    status = Status::FromErrno("cannot make " + path.string(), errno);
  }
  unlink(aside.c_str());
  return status;
}

const char* NonEmpty(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

}  // namespace

Result<Home> Home::Open() {
  if (const char* dir = NonEmpty("SMILEY_HOME")) return OpenAt(dir);
  // The XDG rules say that a relative path is ignored.
  if (const char* state = NonEmpty("XDG_STATE_HOME"); state && state[0] == '/')
    return OpenAt(fs::path(state) / "smiley");
  std::string user_home;
  if (const char* dir = NonEmpty("HOME")) {
    user_home = dir;
  } else {
    char buffer[4096];
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found && found->pw_dir) {
      user_home = found->pw_dir;
    }
  }
  if (user_home.empty()) return Status(Code::kNotFound, "no home directory: set SMILEY_HOME to a directory of yours");
  return OpenAt(fs::path(user_home) / ".local/state/smiley");
}

Result<Home> Home::OpenAt(const std::filesystem::path& dir) {
  Home home;
  std::error_code error;
  home.dir = fs::absolute(dir, error).lexically_normal();
  if (error) return Status::FromErrno("cannot find " + dir.string(), error.value());
  if (!home.dir.has_filename() && home.dir.has_parent_path() && home.dir != home.dir.root_path()) {
    home.dir = home.dir.parent_path();  // the path had a trailing slash
  }
  if (Status made = MakeDirectories(home.dir); !made.ok()) return made;
  if (Status fine = CheckPrivate(home.dir); !fine.ok()) return fine;
  const fs::path id_path = home.dir / "id";
  Result<std::string> id = ReadId(id_path);
  if (!id.ok() && id.status().code() == Code::kNotFound) {
    if (Status made = MakeId(id_path); !made.ok()) return made;
    id = ReadId(id_path);
  }
  if (!id.ok()) return id.status();
  home.id = *id;
  return home;
}

Result<LockFile> TakeDaemonLock(const Home& home) {
  auto lock = LockFile::Take(home.LockPath());
  if (lock.ok() || lock.status().code() != Code::kBusy) return lock;
  return Status(Code::kBusy, "a daemon runs already for " + home.dir.string());
}

bool DaemonHoldsLock(const Home& home) { return LockFile::IsHeld(home.LockPath()); }

pid_t FindDaemon(const Home& home) { return LockFile::FindHolder(home.LockPath()); }

}  // namespace smiley::shm
