// Thread rule: functions of the main thread.
//
// Shared by smiley-calls and smiley-stats: the --task option, and the total time of a run.
#pragma once

#include <string>

#include "shm/base/status.h"
#include "tools/link/answer.h"
#include "tools/link/ask.h"
#include "tools/link/link.h"

namespace smiley::tools {

// The request fields for --task: a number ("3"), PROCESS:NUMBER ("2:3") or a name. Empty when `task` is empty.
Result<std::string> TaskFields(Link* link, const std::string& run, const std::string& task);
// "1.2 s; recording overhead removed: 2.2 s (210 ns an event, estimated)", from the end line of an answer.
std::string TimesText(const AnswerObject& end);

}  // namespace smiley::tools
