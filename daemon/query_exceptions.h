// Thread rule: functions are safe from any thread; the producers they give follow Producer's rule.
//
// The answer to `exceptions`: what was raised, where, and where it ended.
#pragma once

#include "daemon/json_request.h"
#include "daemon/query.h"
#include "daemon/services.h"

namespace smiley::daemon {

Reply MakeExceptions(const Services& services, const Request& request);

}  // namespace smiley::daemon
