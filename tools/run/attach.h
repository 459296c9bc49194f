// Thread rule: a function of the main thread.
//
// smiley-run --attach PID: starts to record a running Python process, through sys.remote_exec of Python 3.14.
#pragma once

#include <string>

#include "shm/base/home.h"
#include "tools/run/handoff.h"
#include "tools/run/options.h"

namespace smiley::tools {

// Returns the exit code of smiley-run. Says every message itself. REQUIRES options.attach.
int Attach(const RunOptions& options, const Installation& installation, const shm::Home& home);

}  // namespace smiley::tools
