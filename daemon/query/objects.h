// Thread rule: functions are safe from any thread.
//
// Writes the objects of daemon/protocol/PROTOCOL.md, other than events, as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/protocol/json_object.h"
#include "daemon/run/archive.h"
#include "daemon/run/registry.h"

namespace smiley::daemon {

// Appends {"type":"run", …}.
void AppendRun(std::string* out, const RunInfo& run);
void AppendProcess(std::string* out, const ProcessInfo& process);
// `lines`: the number of different lines that the thread ran; nullopt: not counted.
void AppendThread(std::string* out, const ThreadInfo& thread, std::optional<std::uint64_t> lines);
void AppendTask(std::string* out, const TaskInfo& task);
void AppendSource(std::string* out, const SourceInfo& source, bool with_text);
void AppendForward(std::string* out, const ForwardStatus& status);
// The members of the answer to "status", without braces.
std::string FormatStatusMembers(const DaemonStatus& status);

}  // namespace smiley::daemon
