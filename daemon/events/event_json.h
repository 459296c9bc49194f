// Thread rule: functions only; any thread.
//
// The objects of the JSON Lines export, which is a contract (daemon/exchange/EXPORT.md). Each function appends one
// object without a newline.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/events/event.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

void AppendRunLine(std::string* out, const RunInfo& run);
void AppendProcessLine(std::string* out, const ProcessInfo& process);
void AppendThreadLine(std::string* out, const ThreadInfo& thread);
void AppendTaskLine(std::string* out, const TaskInfo& task);
void AppendSourceLine(std::string* out, const SourceInfo& source);
// `events` and `lost` are the numbers of the lines written before, so that the end line agrees with them.
void AppendEndLine(std::string* out, const RunInfo& run, std::uint64_t events, std::uint64_t lost);

void AppendEventJson(std::string* out, const Event& event);
// Leaves the closing brace out, for answers that add members.
void AppendOpenEventJson(std::string* out, const Event& event);

}  // namespace smiley::daemon
