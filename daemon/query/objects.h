// Thread rule: functions are safe from any thread.
//
// The objects of daemon/protocol/PROTOCOL.md other than events, as JSON: what the answers and streams are made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/protocol/json_object.h"
#include "daemon/run/archive.h"
#include "daemon/run/registry.h"

namespace smiley::daemon {

// {"type":"run", …}: everything known about a run.
void AppendRun(std::string* out, const RunInfo& run);
void AppendProcess(std::string* out, const ProcessInfo& process);
// `lines`: how many different lines it ran; absent where that was not counted.
void AppendThread(std::string* out, const ThreadInfo& thread, std::optional<std::uint64_t> lines);
void AppendTask(std::string* out, const TaskInfo& task);
void AppendSource(std::string* out, const SourceInfo& source, bool with_text);
// The members of the answer to "status" (without braces).
void AppendForward(std::string* out, const ForwardStatus& status);
std::string StatusMembers(const DaemonStatus& status);

}  // namespace smiley::daemon
