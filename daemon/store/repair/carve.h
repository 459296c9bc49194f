// Thread rule: a free function; safe from any thread.
//
// Finds chunks in the bytes of any file: each chunk carries its length and a check sum.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "shm/base/status.h"

namespace smiley::daemon {

// Calls `take` with every stretch of bytes that begins like a chunk and has its length; DecodeChunk checks whether it
// is one. `take` returns false to stop (kInterrupted), and sets `*whole` to go on behind the stretch. Parts of the
// file that the disk cannot read are skipped.
Status CarveChunks(const std::filesystem::path& file,
                   const std::function<bool(std::string_view chunk, bool* whole)>& take);

}  // namespace smiley::daemon
