// Thread rule: functions are safe from any thread; the producers they give follow Producer's rule.
//
// The answer to `output`: what the program wrote, and which event wrote it.
#pragma once

#include "daemon/protocol/request.h"
#include "daemon/query/answer.h"
#include "daemon/query/services.h"

namespace smiley::daemon {

Reply MakeOutput(const Services& services, const Request& request);

}  // namespace smiley::daemon
