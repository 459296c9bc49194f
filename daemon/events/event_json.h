// Thread rule: functions only; any thread.
//
// The lines of the JSON Lines export (a contract): each function appends one object, without the line's end.
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
// `events`, `lost`: counted while the lines were written, so that the end agrees with them.
void AppendEndLine(std::string* out, const RunInfo& run, std::uint64_t events, std::uint64_t lost);

void AppendEventJson(std::string* out, const Event& event);
// The same without the closing brace, for answers that add members.
void AppendOpenEventJson(std::string* out, const Event& event);

}  // namespace smiley::daemon
