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

// What smiley-run and the forwarding process tell each other, a byte each.
constexpr char kWindow = 'w';      // asked, and answered when it is done
constexpr char kEnded = 'e';       // the program
constexpr char kIdle = 'd';        // all that was there has been forwarded; others may still write
constexpr int kEndsAtOnceMs = 50;  // between the last byte and the end of the process

void Close(int* fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

// Ends of pipes that somebody else waits for must not live on in the forwarding process.
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
  ClosePlaces();
  Close(&control_);
}

void Capture::ClosePlaces() {
  for (Place& place : places_) {
    Close(&place.ours);
    Close(&place.theirs);
  }
}

void Capture::Drop() {
  ClosePlaces();
  ledger_.reset();
  if (!path_.empty()) unlink(path_.c_str());
  path_.clear();
}

bool Capture::MakePlace(int fd) {
  Place& place = places_[fd - 1];
  // It is closed, or only held by us against others, and stays so.
  if (const int flags = fcntl(fd, F_GETFD); flags < 0 || (flags & FD_CLOEXEC) != 0) return true;
  termios modes;
  place.terminal = tcgetattr(fd, &modes) == 0;
  if (place.terminal) {
    winsize size{};
    ioctl(fd, TIOCGWINSZ, &size);
    if (openpty(&place.ours, &place.theirs, nullptr, &modes, &size) != 0) return false;
    fcntl(place.ours, F_SETFD, FD_CLOEXEC);
    fcntl(place.theirs, F_SETFD, FD_CLOEXEC);
    return true;
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  place.ours = ends[0];
  place.theirs = ends[1];
  return true;
}

Status Capture::Prepare(const shm::Home& home, const std::string& run) {
  if (!MakePlace(STDOUT_FILENO) || !MakePlace(STDERR_FILENO)) {
    const Status failed = Status::FromErrno("--capture-fd: a pipe or terminal for what the program writes", errno);
    Drop();
    return failed;
  }
  shm::LedgerStream streams[2];
  for (int i = 0; i < 2; ++i) {
    if (places_[i].theirs >= 0) streams[i] = shm::Ledger::StreamOf(places_[i].theirs);
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
  for (Place& place : places_) Close(&place.ours);
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
    const Place& place = places_[fd - 1];
    if (place.ours < 0) continue;
    kept.push_back(place.ours);
    kept.push_back(fd);
  }
  CloseAllBut(kept);
  while (true) {  // nothing of ours may come to stand at 0 to 2
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
    const Place& place = places_[i];
    if (place.ours < 0) continue;
    streams[i].emplace(i + 1, place.ours, i + 1, place.terminal, ledger_.get(), &record, news);
    threads.emplace_back([&, i] { streams[i]->Run(); });
  }
  const auto all_are = [&](bool (CaptureStream::*what)() const) {
    return std::all_of(std::begin(streams), std::end(streams),
                       [&](const auto& one) { return !one || ((*one).*what)(); });
  };
  bool ended = false, told = false;
  while (!all_are(&CaptureStream::over)) {
    pollfd waits[2] = {{news, POLLIN, 0}, {control, POLLIN, 0}};
    poll(waits, 2, -1);
    std::uint64_t count;
    if (waits[0].revents != 0 && read(news, &count, sizeof count) < 0) continue;
    if (waits[1].revents != 0) {
      char asked = 0;
      if (read(control, &asked, 1) <= 0) {
        asked = kEnded;  // smiley-run was killed
        told = true;
        control = -1;
      }
      if (asked == kWindow) {
        for (const auto& stream : streams) {
          if (stream) stream->WindowChanged();
        }
        if (write(control, &asked, 1) < 0) control = -1;
      }
      if (asked == kEnded) {
        for (auto& stream : streams) {
          if (stream) stream->Ended();
        }
        ended = true;
      }
    }
    if (ended && !told && all_are(&CaptureStream::idle)) {
      told = true;
      if (write(control, &kIdle, 1) < 0) control = -1;
    }
  }
  for (std::thread& thread : threads) thread.join();
  record.Close();
  unlink(path_.c_str());
  _exit(0);
}

void Capture::TakePlaces() const {
  for (int fd : {1, 2}) {
    if (forwarder_ > 0 && places_[fd - 1].theirs >= 0) dup2(places_[fd - 1].theirs, fd);
  }
}

void Capture::ProgramHasThem() {
  for (Place& place : places_) Close(&place.theirs);
}

bool Capture::WindowChanged() {
  if (control_ < 0 || (!places_[0].terminal && !places_[1].terminal)) return false;
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
      char told;
      if (read(control_, &told, 1) <= 0) break;
      patience = kEndsAtOnceMs;
    }
  }
  while (waitpid(forwarder_, nullptr, 0) < 0 && errno == EINTR) {
  }
  forwarder_ = -1;
}

}  // namespace smiley::tools
