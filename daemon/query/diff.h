// Thread rule: functions are safe from any thread; the producers they give follow Producer's rule.
//
// The answer to `diff`: two runs compared by what they did, or by how long it took.
#pragma once

#include <cstdint>

#include "daemon/protocol/request.h"
#include "daemon/query/answer.h"
#include "daemon/query/services.h"

namespace smiley::daemon {

Reply MakeDiff(const Services& services, const Request& request);
// Function by function, by the difference in their own time.
Reply MakeTimingDiff(const Services& services, const RunInfo& a, const RunInfo& b, std::uint64_t limit);

}  // namespace smiley::daemon
