// Thread rule: functions of the main thread.
//
// What smiley-doctor looks at, and what it puts into an environment of Python.
#pragma once

#include <string>
#include <vector>

#include "tools/run/handoff.h"

namespace smiley::tools {

// The worst of a list decides the exit code.
struct Finding {
  enum class State { kOk, kWarning, kProblem };
  std::string name;  // stable: one word
  State state = State::kOk;
  std::string text;    // what is
  std::string advice;  // what to do; empty when nothing is to be done
};

std::vector<Finding> ExamineInstallation();

// Makes `SMILEY=1 python …` record in the environment of that interpreter, or takes it away again. The finding says
// which file it was.
Finding InstallPth(const std::string& python, const Installation& installation);
Finding RemovePth(const std::string& python);

}  // namespace smiley::tools
