// Thread rule: call with the GIL held, once.
//
// What is recorded on request only: garbage collections (--gc) and imports (--imports). A program can find these: an
// entry of its own stands in gc.callbacks, and an audit hook stays in place.
#pragma once

#include "tracer/options.h"

namespace smiley::tracer {

// False: one of them is not as expected; the others are watched.
bool WatchExtras(const Options& options);

}  // namespace smiley::tracer
