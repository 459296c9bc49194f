// Thread rule: call with the GIL held.
//
// fork and child events: the tracer stands in front of the functions through which a program forks.
#pragma once

namespace smiley::tracer {

void WatchChildren();
void UnwatchChildren();

}  // namespace smiley::tracer
