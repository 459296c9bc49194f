// Thread rule: any traced thread, with the GIL held (it is released while waiting).
//
// How a thread waits when its ring is full and the policy is to block.
#pragma once

#include <cstdint>

#include "shm/base/home.h"
#include "shm/segment.h"

namespace smiley::tracer {

class Process;

// Sleeps half a millisecond without the GIL. True: test for room again. False: events are lost until there is room,
// because a signal of the program is pending or the daemon freed nothing for the block timeout (reported once).
// Starts the daemon again when it has died. `began_ns`, `seen` and `warned` keep the caller's state between calls.
bool WaitForRoom(Process* process, shm::Segment* ring, std::uint64_t* began_ns, std::uint64_t* seen, bool* warned);

// Runs `smiley daemon start`, which returns when the daemon is ready. No process or descriptor is left here. Needs no
// GIL.
void StartDaemon(const shm::Home& home, const char* smiley);

}  // namespace smiley::tracer
