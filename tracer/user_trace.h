// Thread rule: each thread has its own function, as sys.settrace has it; call with the GIL held.
//
// CPython 3.11 only. The program's own sys.settrace while the interpreter's one place is taken by the recorder: what the program sets is
// kept here and called as the interpreter would.
#pragma once

#include <Python.h>
#include <frameobject.h>

#if PY_VERSION_HEX < 0x030C0000
namespace smiley::tracer {

// Stands in front of sys.settrace and sys.gettrace. False when they are not as expected.
bool WatchSettrace();
void UnwatchSettrace();

bool HasUserTrace();
// Tells the program's function of an event; what its trace function would return: -1 with an exception set when it
// raised (it is then removed, as the interpreter does).
int CallUserTrace(PyFrameObject* frame, int what, PyObject* arg);

}  // namespace smiley::tracer
#endif
