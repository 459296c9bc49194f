#include "tools/run/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "tools/run/capture_record.h"
#include "tools/run/capture_stream.h"

namespace smiley::tools {

namespace {

// Messages between smiley-run and the forwarding process, a byte each.
constexpr char kWindow = 'w';      // the window has changed; answered when the size is set
constexpr char kEnded = 'e';       // the program has ended
constexpr char kIdle = 'd';        // all output so far is forwarded; other processes may still write
constexpr int kEndsAtOnceMs = 50;  // between the last byte and the end of the process

void Close(int* fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

// Closes inherited descriptors. An inherited end of a pipe would keep its reader waiting.
void CloseAllBut(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned from = 0;
  for (const int fd : kept) {
    const auto at = static_cast<unsigned>(fd);
    if (at > from) syscall(SYS_close_range, from, at - 1, 0u);
    from = at + 1;
  }
  syscall(SYS_close_range, from, ~0u, 0u);
}

}  // namespace

Capture::~Capture() {
  if (forwarder_ < 0 && ledger_) unlink(path_.c_str());
  CloseChannels();
  Close(&control_);
}

void Capture::CloseChannels() {
  for (Channel& channel : channels_) {
    Close(&channel.ours);
    Close(&channel.theirs);
  }
}

void Capture::Drop() {
  CloseChannels();
  ledger_.reset();
  if (!path_.empty()) unlink(path_.c_str());
  path_.clear();
}

bool Capture::OpenChannel(int fd) {
  Channel& channel = channels_[fd - 1];
  // The descriptor is closed, or reserved by smiley-run, and stays closed for the program.
  if (const int flags = fcntl(fd, F_GETFD); flags < 0 || (flags & FD_CLOEXEC) != 0) return true;
  termios modes;
  channel.terminal = tcgetattr(fd, &modes) == 0;
  if (channel.terminal) {
    winsize size{};
    ioctl(fd, TIOCGWINSZ, &size);
    if (openpty(&channel.ours, &channel.theirs, nullptr, &modes, &size) != 0) return false;
    fcntl(channel.ours, F_SETFD, FD_CLOEXEC);
    fcntl(channel.theirs, F_SETFD, FD_CLOEXEC);
    return true;
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  channel.ours = ends[0];
  channel.theirs = ends[1];
  return true;
}

Status Capture::Prepare(const shm::Home& home, const std::string& run) {
  if (!OpenChannel(STDOUT_FILENO) || !OpenChannel(STDERR_FILENO)) {
    const Status failed = Status::FromErrno("--capture-fd: a pipe or terminal for what the program writes", errno);
    Drop();
    return failed;
  }
  shm::LedgerStream streams[2];
  for (int i = 0; i < 2; ++i) {
    if (channels_[i].theirs >= 0) streams[i] = shm::Ledger::StreamOf(channels_[i].theirs);
  }
  const std::string path = (home.SpoolDir() / (run + ".ledger")).string();
  auto ledger = shm::Ledger::Create(path, streams);
  if (!ledger.ok()) {
    Drop();
    return ledger.status();
  }
  ledger_ = std::move(*ledger);
  path_ = path;
  return Status::Ok();
}

Status Capture::Start(const shm::Home& home, const std::string& run, std::int64_t wall_minus_mono_ns,
                      const RunOptions& options, std::vector<std::string> secrets) {
  if (!any()) {
    Drop();
    return Status::Ok();
  }
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    const int saved = errno;
    Drop();
    return Status::FromErrno("--capture-fd: a socket", saved);
  }
  const pid_t pid = fork();
  if (pid < 0) {
    const int saved = errno;
    close(ends[0]);
    close(ends[1]);
    Drop();
    return Status::FromErrno("--capture-fd: a process", saved);
  }
  if (pid == 0) Forward(home, run, wall_minus_mono_ns, options, std::move(secrets), ends[1]);
  close(ends[1]);
  control_ = ends[0];
  forwarder_ = pid;
  for (Channel& channel : channels_) Close(&channel.ours);
  return Status::Ok();
}

void Capture::Forward(const shm::Home& home, const std::string& run, std::int64_t wall_minus_mono_ns,
                      const RunOptions& options, std::vector<std::string> secrets, int control) {
  setsid();
  prctl(PR_SET_NAME, "smiley-capture");
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  std::vector<int> kept{control};
  for (int fd : {1, 2}) {
    const Channel& channel = channels_[fd - 1];
    if (channel.ours < 0) continue;
    kept.push_back(channel.ours);
    kept.push_back(fd);
  }
  CloseAllBut(kept);
  while (true) {  // fill descriptors 0 to 2, so that no later descriptor gets such a number
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null <= STDERR_FILENO && null >= 0) continue;
    if (null >= 0) close(null);
    break;
  }
  CaptureRecord record(home, run, wall_minus_mono_ns, options, std::move(secrets), ledger_.get());
  std::optional<CaptureStream> streams[2];
  std::vector<std::thread> threads;
  const int news = eventfd(0, EFD_CLOEXEC);
  for (int i = 0; i < 2; ++i) {
    const Channel& channel = channels_[i];
    if (channel.ours < 0) continue;
    streams[i].emplace(i + 1, channel.ours, i + 1, channel.terminal, ledger_.get(), &record, news);
    threads.emplace_back([&, i] { streams[i]->Run(); });
  }
  const auto all_are = [&](bool (CaptureStream::*what)() const) {
    return std::all_of(std::begin(streams), std::end(streams),
                       [&](const auto& one) { return !one || ((*one).*what)(); });
  };
  bool ended = false, reported = false;
  while (!all_are(&CaptureStream::over)) {
    pollfd waits[2] = {{news, POLLIN, 0}, {control, POLLIN, 0}};
    poll(waits, 2, -1);
    std::uint64_t count;
    if (waits[0].revents != 0 && read(news, &count, sizeof count) < 0) continue;
    if (waits[1].revents != 0) {
      char asked = 0;
      if (read(control, &asked, 1) <= 0) {
        asked = kEnded;  // smiley-run was killed
        reported = true;
        control = -1;
      }
      if (asked == kWindow) {
        for (const auto& stream : streams) {
          if (stream) stream->ResizeWindow();
        }
        if (write(control, &asked, 1) < 0) control = -1;
      }
      if (asked == kEnded) {
        for (auto& stream : streams) {
          if (stream) stream->EndProgram();
        }
        ended = true;
      }
    }
    if (ended && !reported && all_are(&CaptureStream::idle)) {
      reported = true;
      if (write(control, &kIdle, 1) < 0) control = -1;
    }
  }
  for (std::thread& thread : threads) thread.join();
  record.Close();
  unlink(path_.c_str());
  _exit(0);
}

void Capture::InstallInChild() const {
  for (int fd : {1, 2}) {
    if (forwarder_ > 0 && channels_[fd - 1].theirs >= 0) dup2(channels_[fd - 1].theirs, fd);
  }
}

void Capture::CloseProgramEnds() {
  for (Channel& channel : channels_) Close(&channel.theirs);
}

bool Capture::ResizeWindow() {
  if (control_ < 0 || (!channels_[0].terminal && !channels_[1].terminal)) return false;
  char byte = kWindow;
  return send(control_, &byte, 1, MSG_NOSIGNAL) == 1 && read(control_, &byte, 1) == 1;
}

void Capture::Finish(int interrupt_fd) {
  if (control_ < 0) return;
  const char ended = kEnded;
  if (send(control_, &ended, 1, MSG_NOSIGNAL) == 1) {
    int patience = -1;
    while (true) {
      pollfd waits[2] = {{control_, POLLIN, 0}, {interrupt_fd, POLLIN, 0}};
      const int ready = poll(waits, 2, patience);
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0 || waits[1].revents != 0) return;
      char answer;
      if (read(control_, &answer, 1) <= 0) break;
      patience = kEndsAtOnceMs;
    }
  }
  while (waitpid(forwarder_, nullptr, 0) < 0 && errno == EINTR) {
  }
  forwarder_ = -1;
}

}  // namespace smiley::tools
