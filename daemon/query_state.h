// Thread rule: functions only; any thread. What they make is a Producer.
//
// "state": a thread as it stood at one event, with what the other threads did then and what had been written; "step":
// the position that lies one step away (daemon/PROTOCOL.md).
#pragma once

#include <string>

#include "daemon/archive.h"
#include "daemon/position.h"
#include "daemon/position_search.h"
#include "daemon/query.h"
#include "daemon/query_event.h"
#include "daemon/query_json.h"

namespace smiley::daemon {

Reply MakeState(const Services& services, const Request& request);
Reply MakeStep(const Services& services, const Request& request);
Reply MakeWhen(const Services& services, const Request& request);

// The members that tell where code stands: function, source, file, line, text. `code` may be null.
void AppendWhere(JsonObject* object, SourceLines* lines, const CodeInfo* code, std::uint32_t line);

}  // namespace smiley::daemon
