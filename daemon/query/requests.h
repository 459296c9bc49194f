// Thread rule: functions may be called from any thread; they may read the disk. A reply's stream follows Producer's
// rule.
//
// The handlers of the requests of daemon/protocol/PROTOCOL.md: each reads the fields of its request and makes the
// reply. A field that is wrong, and a run that does not exist, give a reply with an error and no stream.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "daemon/protocol/producer.h"
#include "daemon/protocol/request.h"
#include "daemon/query/services.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

// The lists of a run.
Reply AnswerRuns(const Services& services, const Request& request);
Reply AnswerRun(const Services& services, const Request& request);
Reply AnswerProcesses(const Services& services, const Request& request);
Reply AnswerThreads(const Services& services, const Request& request);
Reply AnswerTasks(const Services& services, const Request& request);
// "tasks" with "counts": when each asyncio task ran and how many events it has. `thread`: only that thread's tasks.
Reply AnswerTaskCounts(Archive& archive, const std::string& run, std::optional<std::int64_t> thread);
Reply AnswerSources(const Services& services, const Request& request);
Reply AnswerExport(const Services& services, const Request& request);

// Events: stored ones, live ones, and those at which an expression becomes true.
Reply AnswerReplay(const Services& services, const Request& request);
// `wake`: called when a waiting stream has events to send; from any thread, as long as the stream lives.
Reply AnswerTail(const Services& services, const Request& request, const std::function<void()>& wake);
Reply AnswerWhen(const Services& services, const Request& request);

// One moment of a run, the way to another one, and the origin of a value.
Reply AnswerState(const Services& services, const Request& request);
Reply AnswerStep(const Services& services, const Request& request);
Reply AnswerWhy(const Services& services, const Request& request);

// A whole run, summed up.
Reply AnswerTimeline(const Services& services, const Request& request);
Reply AnswerHits(const Services& services, const Request& request);
Reply AnswerStats(const Services& services, const Request& request);
Reply AnswerCalls(const Services& services, const Request& request);
Reply AnswerExceptions(const Services& services, const Request& request);
Reply AnswerOutput(const Services& services, const Request& request);
Reply AnswerDiff(const Services& services, const Request& request);
// "diff" with "stats": function by function, by the difference in own time. At most `limit` functions.
Reply AnswerTimingDiff(Archive& archive, const RunInfo& a, const RunInfo& b, std::uint64_t limit);

// The daemon and its store.
Reply AnswerHello(const Services& services, const Request& request);
Reply AnswerStatus(const Services& services, const Request& request);
Reply AnswerBegin(const Services& services, const Request& request);
Reply AnswerDump(const Services& services, const Request& request);
Reply AnswerDelete(const Services& services, const Request& request);
Reply AnswerPin(const Services& services, const Request& request);
Reply AnswerCheck(const Services& services, const Request& request);
Reply AnswerForward(const Services& services, const Request& request);
Reply AnswerReindex(const Services& services, const Request& request);

}  // namespace smiley::daemon
