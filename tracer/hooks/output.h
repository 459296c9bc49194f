// Thread rule: call with the GIL held.
//
// Records the program's standard output and error as stdout and stderr events. The C functions with which Python
// writes are replaced (recorder/swap.h), so sys.stdout and all other objects of the program stay the same.
#pragma once

#include <string>

namespace smiley::tracer {

// False: nothing was changed, and *why holds in one line what is not as expected. `ledger`: the file in which writes
// to captured descriptors are announced; null: no descriptor is captured.
bool WatchOutput(const char* ledger, std::string* why);
void UnwatchOutput();

}  // namespace smiley::tracer
