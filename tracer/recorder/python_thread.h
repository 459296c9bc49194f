// Thread rule: call on the thread in question, PythonThreadName with the GIL held.
//
// The name and the end of a Python thread.
#pragma once

#include <string>

namespace smiley::tracer {

inline constexpr char kUnnamedThread[] = "Thread-?";

// The calling thread's name in the threading module; "MainThread" for the main thread, kUnnamedThread when the module
// does not know the thread (yet). Reads the module's dicts and runs none of its code.
std::string PythonThreadName();
// Calls `function(context)` when the calling thread ends, without the GIL. Not at process exit.
void OnThreadEnd(void (*function)(void*), void* context);

}  // namespace smiley::tracer
