// Thread rule: a SegmentWatcher belongs to one thread.
//
// Finds the segments of this home as they appear: watches the shared-memory directory and the home's segments
// directory, and lists both when something has changed there.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "shm/base/home.h"
#include "shm/base/status.h"
#include "shm/segment.h"

namespace smiley::daemon {

class SegmentWatcher {
 public:
  static Result<std::unique_ptr<SegmentWatcher>> Make(const shm::Home& home);
  ~SegmentWatcher();
  // Becomes readable when New may find segments.
  int fd() const { return fd_; }
  // The segments that New has not returned before. Lists the directories if they have changed since the last call, or
  // if `look` says so.
  std::vector<shm::Segment::Found> New(bool look);
  // New will return the segment again: its owner was still making it.
  void Forget(const std::string& name) { known_.erase(name); }

 private:
  SegmentWatcher() = default;
  bool Changed();
  shm::Home home_;
  int fd_ = -1;
  int home_watch_ = -1;  // watch of the home's directory, until it has segments/
  bool watches_files_ = false;
  std::set<std::string> known_;
};

}  // namespace smiley::daemon
