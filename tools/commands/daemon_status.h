// Thread rule: functions are safe from any thread.
//
// Formats the daemon's answer to "status", for people and for scripts.
#pragma once

#include <cstdint>
#include <string>

#include "shm/base/status.h"
#include "tools/terminal/screen.h"

namespace smiley::tools {

// `answer`: the answer line. `now_ns`: wall clock. kDamaged: it is not a JSON object.
Result<std::string> RenderStatus(const std::string& answer, const Screen& screen, std::int64_t now_ns);
// One JSON object: {"type":"status","running":true, …}.
std::string StatusObject(const std::string& answer);

}  // namespace smiley::tools
