// Thread rule: any thread; LimitHeap before other threads exist.
//
// glibc keeps freed memory, for each arena, as long as a younger allocation lives above it: hundreds of megabytes
// after a run of many coroutines, or after a long export.
#pragma once

#include <malloc.h>

namespace smiley::daemon {

// Limits the heap to two arenas, so that threads reuse each other's freed memory. Most allocations are of a kilobyte
// and more, so contention is rare.
inline void LimitHeap() { mallopt(M_ARENA_MAX, 2); }

// Returns free memory to the system; takes milliseconds. For the end of work that held much memory.
inline void GiveBackHeap() { malloc_trim(0); }

}  // namespace smiley::daemon
