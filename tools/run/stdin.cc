#include "tools/run/stdin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace smiley::tools {

namespace {

constexpr std::size_t kMaxPipeBytes = 1 << 20;

// Reads a regular file from its offset on, without moving it; a pipe or socket to its end.
Status ReadAll(bool regular, std::string* text) {
  char buffer[64 * 1024];
  off_t offset = regular ? lseek(STDIN_FILENO, 0, SEEK_CUR) : 0;
  for (;;) {
    const ssize_t got =
        regular ? pread(STDIN_FILENO, buffer, sizeof buffer, offset) : read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Status::FromErrno("standard input", errno);
    if (got == 0) return Status::Ok();
    text->append(buffer, static_cast<std::size_t>(got));
    offset += got;
  }
}

Status WriteFile(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Status::FromErrno(path, errno);
  std::size_t done = 0;
  int failed = 0;
  while (done < text.size() && failed == 0) {
    const ssize_t wrote = write(fd, text.data() + done, text.size() - done);
    if (wrote >= 0) {
      done += static_cast<std::size_t>(wrote);
    } else if (errno != EINTR) {
      failed = errno;
    }
  }
  if (close(fd) != 0 && failed == 0) failed = errno;
  if (failed == 0) return Status::Ok();
  unlink(path.c_str());
  return Status::FromErrno(path, failed);
}

void Close(int* fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

}  // namespace

StdinSource::~StdinSource() {
  Close(&child_fd_);
  Close(&feed_fd_);
}

Status StdinSource::Take(const shm::Home& home, const std::string& run) {
  struct stat status;
  if (fstat(STDIN_FILENO, &status) != 0 || isatty(STDIN_FILENO)) return Status::Ok();
  const bool regular = S_ISREG(status.st_mode);
  if (!regular && !S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode)) return Status::Ok();
  if (Status read = ReadAll(regular, &text_); !read) return read;
  if (!regular) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return Status::FromErrno("a pipe for standard input", errno);
    child_fd_ = ends[0];
    feed_fd_ = ends[1];
    // Most programs fit into the pipe. The rest is fed while the program runs.
    fcntl(feed_fd_, F_SETPIPE_SZ, text_.size() > kMaxPipeBytes ? kMaxPipeBytes : text_.size() + 1);
    fcntl(feed_fd_, F_SETFL, O_NONBLOCK);
    Feed();
  }
  const std::string path = (home.SpoolDir() / (run + ".stdin")).string();
  mkdir(home.SpoolDir().c_str(), 0700);
  // A failure costs the run its source text, and is no reason not to run the program.
  if (WriteFile(path, text_)) file_ = path;
  return Status::Ok();
}

void StdinSource::Feed() {
  // The reader may have gone, and SIGPIPE must not end this process.
  struct sigaction ignore = {}, saved;
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &saved);
  while (feed_fd_ >= 0) {
    if (fed_ == text_.size()) {
      Close(&feed_fd_);
      break;
    }
    const ssize_t wrote = write(feed_fd_, text_.data() + fed_, text_.size() - fed_);
    if (wrote >= 0) {
      fed_ += static_cast<std::size_t>(wrote);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      Close(&feed_fd_);
    }
  }
  sigaction(SIGPIPE, &saved, nullptr);
}

void StdinSource::CloseChildEnd() { Close(&child_fd_); }

void StdinSource::Remove() {
  if (!file_.empty()) unlink(file_.c_str());
}

}  // namespace smiley::tools
