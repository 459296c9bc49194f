// Thread rule: main thread.
//
// Parts of smiley-store that have a file of their own.
#pragma once

#include "tools/terminal/terminal.h"

namespace smiley::tools {

// smiley-store repair; the exit code. REQUIRES WatchSignals().
int RepairStore(bool json);

}  // namespace smiley::tools
