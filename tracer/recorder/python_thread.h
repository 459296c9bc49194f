// Thread rule: called by the thread that it is about, PythonThreadName with the GIL held.
#pragma once

#include <string>

namespace smiley::tracer {

inline constexpr char kUnnamedThread[] = "Thread-?";

// The name that the threading module has for the calling thread; "MainThread" for the main one, kUnnamedThread when
// it is not known there (yet). Reads the module's dicts, runs nothing of it.
std::string PythonThreadName();
// Calls `function(context)` when the calling thread ends, without the GIL. Not at process exit.
void OnThreadEnd(void (*function)(void*), void* context);

}  // namespace smiley::tracer
