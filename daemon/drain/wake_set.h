// Thread rule: Wake may be called from any thread; everything else belongs to the drainer's thread.
//
// The descriptors that end the drainer's nap: its own wake-up, the segments' directories, and the deaths of
// processes.
#pragma once

#include <memory>

#include "shm/base/identity.h"
#include "shm/base/status.h"

namespace smiley::daemon {

class WakeSet {
 public:
  // `segments_fd` becomes readable when segments may have appeared; it stays the caller's and outlives the set.
  static Result<std::unique_ptr<WakeSet>> Make(int segments_fd);
  ~WakeSet();
  WakeSet(const WakeSet&) = delete;
  WakeSet& operator=(const WakeSet&) = delete;

  void Wake();
  // A descriptor that becomes readable when the process dies. The caller owns it; closing it ends the watch.
  // -1: the process is dead, or the system has no such descriptors.
  int WatchProcess(const shm::ProcessIdentity& identity);

  struct Woken {
    bool only_by_wake = false;  // Wake was called, and nothing else happened
    bool death = false;         // a watched process has died; each is reported once
  };
  // Waits until something happens, at most so many milliseconds; -1: without limit.
  Woken Wait(int timeout_ms);

 private:
  explicit WakeSet(int segments_fd) : segments_fd_(segments_fd) {}
  const int segments_fd_;
  int epoll_ = -1, wake_fd_ = -1;
};

}  // namespace smiley::daemon
