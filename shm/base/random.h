// Thread rule: safe from any thread.
//
// Random bytes of the system.
#pragma once

#include <cstddef>

namespace smiley::shm {

// Fills `out`. False when the system gives none; errno says why.
bool FillRandom(void* out, std::size_t size);

}  // namespace smiley::shm
