// Thread rule: functions are safe from any thread; SourceLines belongs to one thread at a time.
//
// Shared by the requests about moments of a run: "state", "step" and "why".
#pragma once

#include <cstdint>
#include <string>

#include "daemon/events/event_lines.h"
#include "daemon/find/position.h"
#include "daemon/find/position_search.h"
#include "daemon/protocol/json_object.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

// Adds the members of a line of code: function, source, file, line and text. `code` may be null: then none. `line` 0:
// without line and text.
void AppendWhere(JsonObject* object, SourceLines* lines, const CodeRecord* code, std::uint32_t line);

}  // namespace smiley::daemon
