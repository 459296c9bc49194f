// Thread rule: functions only; any thread. What they make is a Producer.
//
// What is asked about moments of a run (daemon/protocol/PROTOCOL.md): "state", a thread as it stood at one event,
// with what the other threads did then and what had been written; "step", the position that lies one step away;
// "when", the events at which an expression becomes true; "why", where the value of a variable came from.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/events/event_lines.h"
#include "daemon/find/position.h"
#include "daemon/find/position_search.h"
#include "daemon/protocol/json_object.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

// The members that tell where code stands: function, source, file, line, text. `code` may be null.
void AppendWhere(JsonObject* object, SourceLines* lines, const CodeInfo* code, std::uint32_t line);

}  // namespace smiley::daemon
