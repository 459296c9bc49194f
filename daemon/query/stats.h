// Thread rule: functions are safe from any thread.
//
// Shared by the requests that count calls or exceptions: "stats", "calls", "exceptions" and "diff" with "stats".
#pragma once

#include "daemon/analysis/call_stats.h"
#include "daemon/protocol/json_object.h"
#include "daemon/protocol/request.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

// Reads the fields run, thread, task and process. kInvalid: a wrong field. kNotFound: no such run or task.
Result<CallScope> ReadCallScope(Archive& archive, const Request& request);
// Adds the members file, line, function and source. Unknown ones are null.
void AddFunction(JsonObject* object, const Function& function);

}  // namespace smiley::daemon
