// Thread rule: a function of the main thread.
//
// smiley-store repair.
#pragma once

#include "tools/terminal/terminal.h"

namespace smiley::tools {

// Repairs the store and returns the exit code. REQUIRES WatchSignals().
int RepairStore(bool json);

}  // namespace smiley::tools
