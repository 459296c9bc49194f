// Thread rule: plain functions; any thread.
//
// Finds where each thread of a run continues behind a point in the merged order of its threads (the order of the
// export). It reads the index and a few chunks of each thread, wherever in the run the point is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/find/position.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

struct ThreadStart {
  ThreadInfo thread;
  std::uint64_t seq = 1;  // the thread's first event behind the point; among lost events: the first of these
};

// The starts behind the first `count` events of the run; each lost event counts. A thread without further events is
// left out.
Result<std::vector<ThreadStart>> StartsBehind(Archive& archive, const std::string& run, std::uint64_t count);
// The starts behind an event. kNotFound: the run has no such event.
Result<std::vector<ThreadStart>> StartsBehind(Archive& archive, const std::string& run, const Position& event);

}  // namespace smiley::daemon
