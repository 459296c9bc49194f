// Thread rule: plain functions of the main thread.
//
// What the commands about calls share: naming a task on the command line, and saying how times were made.
#pragma once

#include <string>

#include "shm/base/status.h"
#include "tools/link/answer.h"
#include "tools/link/ask.h"
#include "tools/link/link.h"

namespace smiley::tools {

// The request fields for --task: a number ("3"; "2:3" in process 2), or the name of a task. Empty for no task.
Result<std::string> TaskFields(Link* link, const std::string& run, const std::string& task);
// "1.2 s, of 3.4 s recorded: 2.2 s are taken out as the cost of recording (about 210 ns an event; …)".
std::string TimesText(const AnswerObject& end);

}  // namespace smiley::tools
