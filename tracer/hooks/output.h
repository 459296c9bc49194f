// Thread rule: call with the GIL held.
//
// What the program writes to its standard output and error, as stdout and stderr events: the tracer stands in front
// of the C functions through which Python writes, so sys.stdout and everything else that the program sees are
// untouched.
#pragma once

#include <string>

namespace smiley::tracer {

// False: nothing was changed, *why says in one line what is not as expected.
// `ledger`: where writes to captured descriptors are announced; null: none is captured.
bool WatchOutput(const char* ledger, std::string* why);
void UnwatchOutput();

}  // namespace smiley::tracer
