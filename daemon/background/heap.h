// Thread rule: any thread; LimitHeap before there are others.
//
// glibc keeps what was freed, per arena, for as long as something younger lives above it: after a run of many
// coroutines or a long export that were hundreds of megabytes.
#pragma once

#include <malloc.h>

namespace smiley::daemon {

// Most allocations are of a kilobyte and more, so that few arenas do, and a thread finds what another one freed.
inline void LimitHeap() { mallopt(M_ARENA_MAX, 2); }

// After work that had much in memory: what is free goes back to the system. Milliseconds.
inline void GiveBackHeap() { malloc_trim(0); }

}  // namespace smiley::daemon
