#include "daemon/background/whole_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace smiley::daemon {

Status WriteWholeFile(const std::filesystem::path& path, std::string_view text, bool synced) {
  const std::string fresh = path.string() + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Status::FromErrno("cannot write " + fresh, errno);
  const bool whole =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && (!synced || fsync(fd) == 0);
  const int failed = errno;
  if (close(fd) != 0 || !whole || rename(fresh.c_str(), path.c_str()) != 0) {
    const Status status = Status::FromErrno("cannot write " + path.string(), whole ? errno : failed);
    unlink(fresh.c_str());
    return status;
  }
  return {};
}

}  // namespace smiley::daemon
