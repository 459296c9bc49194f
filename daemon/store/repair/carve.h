// Thread rule: a free function; safe from any thread.
//
// Finds chunks in the bytes of a file, whatever else the file is: each carries its length and a check sum of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "shm/base/status.h"

namespace smiley::daemon {

// Calls `take` with every run of bytes that is as long as a chunk and begins like one (DecodeChunk tells whether it
// is whole); it says false to stop (kInterrupted), true in `*whole` to go on behind it. Parts of the file that the
// disk does not give are passed over.
Status CarveChunks(const std::filesystem::path& file,
                   const std::function<bool(std::string_view chunk, bool* whole)>& take);

}  // namespace smiley::daemon
