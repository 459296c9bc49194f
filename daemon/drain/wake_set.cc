#include "daemon/drain/wake_set.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace smiley::daemon {
namespace {

bool AddReadable(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint64_t>(fd);
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Result<std::unique_ptr<WakeSet>> WakeSet::Make(int segments_fd) {
  std::unique_ptr<WakeSet> set(new WakeSet(segments_fd));
  set->epoll_ = epoll_create1(EPOLL_CLOEXEC);
  set->wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (set->epoll_ < 0 || set->wake_fd_ < 0 || !AddReadable(set->epoll_, set->wake_fd_) ||
      !AddReadable(set->epoll_, segments_fd)) {
    return Status::FromErrno("cannot start the drainer", errno);
  }
  return set;
}

WakeSet::~WakeSet() {
  if (epoll_ >= 0) close(epoll_);
  if (wake_fd_ >= 0) close(wake_fd_);
}

void WakeSet::Wake() {
  const std::uint64_t one = 1;
  (void)!write(wake_fd_, &one, sizeof one);
}

int WakeSet::WatchProcess(const shm::ProcessIdentity& identity) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(identity.pid), 0));
  if (fd < 0) return -1;
  // Before the descriptor was opened, the pid may have passed to another process.
  if (!shm::IsAlive(identity) || !AddReadable(epoll_, fd)) {
    close(fd);
    return -1;
  }
  return fd;
}

WakeSet::Woken WakeSet::Wait(int timeout_ms) {
  epoll_event events[16];
  const int count = epoll_wait(epoll_, events, 16, timeout_ms);
  Woken woken;
  woken.only_by_wake = count > 0;
  for (int i = 0; i < count; ++i) {
    const int fd = static_cast<int>(events[i].data.u64);
    if (fd == wake_fd_) {
      std::uint64_t value;
      (void)!read(wake_fd_, &value, sizeof value);
      continue;
    }
    woken.only_by_wake = false;
    if (fd == segments_fd_) continue;
    woken.death = true;
    epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);  // the descriptor stays readable
  }
  return woken;
}

}  // namespace smiley::daemon
