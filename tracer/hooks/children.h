// Thread rule: call with the GIL held.
//
// Records fork and child events by replacing the functions with which a program forks (recorder/swap.h).
#pragma once

namespace smiley::tracer {

void WatchChildren();
void UnwatchChildren();

}  // namespace smiley::tracer
