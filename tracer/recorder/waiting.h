// Thread rule: any traced thread, with the GIL held (it is released while waiting).
//
// What a thread does when its ring is full and the policy is to wait.
#pragma once

#include <cstdint>

#include "shm/base/home.h"
#include "shm/segment.h"

namespace smiley::tracer {

class Process;

// Sleeps a little. True: test again. False: lose events until there is room: a signal of the program is pending, or
// the daemon has freed nothing for the block timeout (warned about once). A dead daemon is started again. `began_ns`
// and `seen` are the caller's memory of this wait.
bool WaitForRoom(Process* process, shm::Segment* ring, std::uint64_t* began_ns, std::uint64_t* seen, bool* warned);

// `smiley daemon start` returns when the daemon is ready; it leaves nothing behind in this process. No GIL needed.
void StartDaemon(const shm::Home& home, const char* smiley);

}  // namespace smiley::tracer
