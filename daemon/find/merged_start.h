// Thread rule: plain functions; any thread.
//
// A place in the order of the export, in which a run's threads are merged by time: where each thread goes on there.
// Found from the index and at most a few chunks of each thread, wherever in the run it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/find/position.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

struct ThreadStart {
  ThreadInfo thread;
  std::uint64_t seq = 1;  // its first event behind the place; within lost ones: the first of those
};

// Behind the first `count` events of the run, each lost one counted. Threads of which nothing comes then are left
// out.
Result<std::vector<ThreadStart>> StartsBehind(Archive& archive, const std::string& run, std::uint64_t count);
// Behind an event. kNotFound: there is none.
Result<std::vector<ThreadStart>> StartsBehind(Archive& archive, const std::string& run, const Position& event);

}  // namespace smiley::daemon
