// Thread rule: a SegmentWatcher belongs to one thread.
//
// Finds the segments of this home as they appear: by watching the shared-memory directory and the home's segments
// directory, and by looking through both whenever something changed there.
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
  // Readable when New() may have something to give.
  int fd() const { return fd_; }
  // Segments not given before. Looks when the directories changed since the last call, or when `look` says so.
  std::vector<shm::Segment::Found> New(bool look);
  // Will be given again by New (its owner was still making it).
  void Forget(const std::string& name) { known_.erase(name); }

 private:
  SegmentWatcher() = default;
  bool Changed();
  shm::Home home_;
  int fd_ = -1;
  int home_watch_ = -1;  // of the home's directory, until segments/ exists in it
  bool watches_files_ = false;
  std::set<std::string> known_;
};

}  // namespace smiley::daemon
