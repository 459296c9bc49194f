// Thread rule: any traced thread, with the GIL held (it is released while waiting).
//
// How a thread waits when its ring is full and the policy is to block.
#pragma once

#include <cstdint>

#include "shm/base/home.h"
#include "shm/segment.h"

namespace smiley::tracer {

class Process;

// Sleeps half a millisecond without the GIL, and starts the daemon again when it has died. True: test for room again.
// False: events are lost until there is room. A signal of the program is pending, the block timeout is 0, or the
// daemon freed nothing for the block timeout (reported once).
//
// The caller keeps three values between calls, 0 and false at first. `began_ns`: the monotonic time since which the
// daemon has freed nothing. `seen`: the ring's read position at that time. `warned`: the loss was reported.
bool WaitForRoom(Process* process, shm::Segment* ring, std::uint64_t* began_ns, std::uint64_t* seen, bool* warned);

// Runs `smiley daemon start`, which returns when the daemon is ready. Leaves no child process and no open descriptor.
// `smiley`: the path of the program. Needs no GIL.
void StartDaemon(const shm::Home& home, const char* smiley);

}  // namespace smiley::tracer
