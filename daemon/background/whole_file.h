// Thread rule: any thread; one path must have one writer at a time.
#pragma once

#include <filesystem>
#include <string_view>

#include "shm/base/status.h"

namespace smiley::daemon {

// Replaces the file, whole or not at all: writes PATH.new (mode 0600), then renames it. `synced`: the new file is on
// the disk before it is renamed. The error's message begins with "cannot write".
Status WriteWholeFile(const std::filesystem::path& path, std::string_view text, bool synced = false);

}  // namespace smiley::daemon
