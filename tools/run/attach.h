// Thread rule: functions of the main thread.
//
// smiley-run --attach PID: recording begins in a Python that runs already, where the interpreter has a door for it.
#pragma once

#include <string>

#include "shm/base/home.h"
#include "tools/run/handoff.h"
#include "tools/run/options.h"

namespace smiley::tools {

// The exit code of smiley-run; everything has been said.
int Attach(const RunOptions& options, const Installation& installation, const shm::Home& home);

}  // namespace smiley::tools
