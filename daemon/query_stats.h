// Thread rule: functions are safe from any thread; the producers they give follow Producer's rule.
//
// The answers to `stats` and `calls`: calls counted and timed function by function, and as a folded tree.
#pragma once

#include "daemon/call_stats.h"
#include "daemon/json_request.h"
#include "daemon/query.h"
#include "daemon/query_json.h"
#include "daemon/services.h"

namespace smiley::daemon {

// Reads run, thread, task and process.
Result<CallScope> ReadCallScope(Archive& archive, const Request& request);
// Adds file, line, function and source; what is not known is null.
void AddFunction(JsonObject* object, const Function& function);

Reply MakeStats(const Services& services, const Request& request);
Reply MakeCalls(const Services& services, const Request& request);

}  // namespace smiley::daemon
