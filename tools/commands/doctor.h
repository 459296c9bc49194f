// Thread rule: functions of the main thread.
//
// The checks of smiley-doctor, and the .pth file that it installs in a Python environment.
#pragma once

#include <string>
#include <vector>

#include "tools/run/handoff.h"

namespace smiley::tools {

// One result. The worst finding decides the exit code.
struct Finding {
  enum class State { kOk, kWarning, kProblem };
  std::string name;  // one word, stable for scripts
  State state = State::kOk;
  std::string text;    // the result
  std::string advice;  // what to do; empty = nothing
};

std::vector<Finding> ExamineInstallation();

// Installs or removes smiley.pth in the environment of an interpreter. With the file, `SMILEY=1 python …` records.
// The finding names the file.
Finding InstallPth(const std::string& python, const Installation& installation);
Finding RemovePth(const std::string& python);

}  // namespace smiley::tools
