// Thread rule: call with the GIL held; what is noted is the calling thread's own.
//
// From CPython 3.13 on a trace function is told of a resumed generator and of one that an exception is thrown into in
// the same way. One sys.monitoring event (PY_THROW), whose callback runs just before, tells them apart.
#pragma once

#include <Python.h>

namespace smiley::tracer {

// True when there is nothing to watch (older versions) or it is being watched.
bool WatchThrows();
void UnwatchThrows();
// The exception (borrowed) that is being thrown into the generator about to be reported, once; null = none.
PyObject* TakeThrown();

}  // namespace smiley::tracer
