// Thread rule: functions only; any thread. What they make is a Producer.
//
// "timeline": how much happened when, a lane for each thread or task, from the whole run down to single events
// (daemon/protocol/PROTOCOL.md). Long stretches are answered from the chunks' summaries, short ones, and tasks, from
// their words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/query/answer.h"

namespace smiley::daemon {

Reply MakeTimeline(const Services& services, const Request& request);
// "tasks" with "counts": when each asyncio task ran, and how much happened in it.
Reply MakeTaskCounts(Archive& archive, const std::string& run, std::optional<std::int64_t> thread);
// "hits": how often each line of each source ran.
Reply MakeHits(const Services& services, const Request& request);

}  // namespace smiley::daemon
