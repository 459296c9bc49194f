// Thread rule: call with the GIL held.
//
// Records the program's standard output and error as stdout and stderr events. The C functions with which Python
// writes are replaced (recorder/swap.h), so sys.stdout and all other objects of the program stay the same.
#pragma once

#include <string>

namespace smiley::tracer {

// Begins to record writes. False: nothing was changed, and *why holds the unexpected fact in one line. `ledger`: the
// file in which writes to captured descriptors are announced; null: no descriptor is captured.
bool WatchOutput(const char* ledger, std::string* why);
void UnwatchOutput();

}  // namespace smiley::tracer
