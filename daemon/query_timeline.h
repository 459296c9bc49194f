// Thread rule: functions only; any thread. What they make is a Producer.
//
// "timeline": how much happened when, a lane for each thread, from the whole run down to single events
// (daemon/PROTOCOL.md). Long stretches are answered from the chunks' summaries, short ones from their words.
#pragma once

#include "daemon/query.h"

namespace smiley::daemon {

Reply MakeTimeline(const Services& services, const Request& request);
// "hits": how often each line of each source ran.
Reply MakeHits(const Services& services, const Request& request);

}  // namespace smiley::daemon
