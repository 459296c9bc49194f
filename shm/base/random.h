// Thread rule: safe from any thread.
//
// Random bytes from the system.
#pragma once

#include <cstddef>

namespace smiley::shm {

// Fills `out`. False: the system has no random bytes; errno holds the reason.
bool FillRandom(void* out, std::size_t size);

}  // namespace smiley::shm
