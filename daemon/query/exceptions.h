// Thread rule: functions are safe from any thread; the producers they give follow Producer's rule.
//
// The answer to `exceptions`: what was raised, where, and where it ended.
#pragma once

#include "daemon/protocol/request.h"
#include "daemon/query/answer.h"
#include "daemon/query/services.h"

namespace smiley::daemon {

Reply MakeExceptions(const Services& services, const Request& request);

}  // namespace smiley::daemon
