#include "daemon/drain/segment_watcher.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace smiley::daemon {
namespace {

// Other programs' shared memory appears in the directory, too: the name shows whether it is a segment of ours.
constexpr const char* kSharedMemoryDir = "/dev/shm";
constexpr std::string_view kNamePrefix = "smiley.";

}  // namespace

Result<std::unique_ptr<SegmentWatcher>> SegmentWatcher::Make(const shm::Home& home) {
  std::unique_ptr<SegmentWatcher> watcher(new SegmentWatcher);
  watcher->home_ = home;
  watcher->fd_ = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (watcher->fd_ < 0) return Status::FromErrno("cannot watch for segments", errno);
  // On a machine without /dev/shm, segments are files in the home.
  (void)inotify_add_watch(watcher->fd_, kSharedMemoryDir, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
  watcher->home_watch_ = inotify_add_watch(watcher->fd_, home.dir.c_str(), IN_CREATE | IN_ONLYDIR);
  return watcher;
}

SegmentWatcher::~SegmentWatcher() {
  if (fd_ >= 0) close(fd_);
}

bool SegmentWatcher::Changed() {
  bool changed = false;
  if (!watches_files_ &&
      inotify_add_watch(fd_, home_.SegmentDir().c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) >= 0) {
    watches_files_ = changed = true;
  }
  alignas(inotify_event) char buffer[16 * 1024];
  while (true) {
    const ssize_t got = read(fd_, buffer, sizeof buffer);
    if (got <= 0) break;
    for (ssize_t at = 0; at < got;) {
      inotify_event event;
      std::memcpy(&event, buffer + at, sizeof event);
      const char* const name = buffer + at + sizeof event;
      at += static_cast<ssize_t>(sizeof event + event.len);
      if (event.mask & IN_Q_OVERFLOW) changed = true;
      if (event.len > 0 && event.wd != home_watch_ && std::string_view(name).starts_with(kNamePrefix)) changed = true;
      if (event.wd == home_watch_ && std::string_view(name) == home_.SegmentDir().filename().native()) changed = true;
    }
  }
  return changed;
}

std::vector<shm::Segment::Found> SegmentWatcher::New(bool look) {
  std::vector<shm::Segment::Found> fresh;
  if (!Changed() && !look) return fresh;
  std::set<std::string> present;
  for (shm::Segment::Found& found : shm::Segment::List(home_)) {
    present.insert(found.name);
    if (!known_.contains(found.name)) fresh.push_back(std::move(found));
  }
  known_ = std::move(present);
  return fresh;
}

}  // namespace smiley::daemon
