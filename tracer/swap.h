// Thread rule: call with the GIL held.
//
// Functions of the interpreter that the tracer stands in front of: only the C function pointer in their method
// definition changes, so the objects that the program sees are the same, bound methods taken earlier included.
#pragma once

namespace smiley::tracer {

// `started` is called in the parent, with the GIL held, after a thread was started and before it runs.
bool WatchNewThreads(void (*started)());
void UnwatchNewThreads();

// exec, eval and compile tell the source book what texts they were given.
bool WatchCompiling();
void UnwatchCompiling();

}  // namespace smiley::tracer
