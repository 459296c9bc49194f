// Thread rule: may be called from any thread; two writers of one path must not meet.
#pragma once

#include <filesystem>
#include <string_view>

#include "shm/base/status.h"

namespace smiley::daemon {

// Puts a file of the owner's there, whole or not at all: written beside it as PATH.new, then renamed. `synced`: on
// the disk before it takes the place. The error says "cannot write …".
Status WriteWholeFile(const std::filesystem::path& path, std::string_view text, bool synced = false);

}  // namespace smiley::daemon
