// Thread rule: functions are safe from any thread; the producers they give follow Producer's rule.
//
// The answers to `stats` and `calls`: calls counted and timed function by function, and as a folded tree.
#pragma once

#include "daemon/analysis/call_stats.h"
#include "daemon/protocol/json_object.h"
#include "daemon/protocol/request.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

// Reads run, thread, task and process.
Result<CallScope> ReadCallScope(Archive& archive, const Request& request);
// Adds file, line, function and source; what is not known is null.
void AddFunction(JsonObject* object, const Function& function);

}  // namespace smiley::daemon
