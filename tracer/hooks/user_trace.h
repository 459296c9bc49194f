// Thread rule: call with the GIL held.
//
// CPython 3.11 only. There each thread of the interpreter has one slot for a C trace function and one for a profile
// function. The recorder's function takes the slot, and the program's function from sys.settrace (sys.setprofile) is
// its argument, which it calls as the interpreter would. sys.gettrace and the end of a thread then work unchanged.
#pragma once

#include <Python.h>
#include <frameobject.h>

#if PY_VERSION_HEX < 0x030C0000
namespace smiley::tracer {

// Replaces sys.settrace (`profile`: sys.setprofile) so that the slot is shared with `ours`. Both slots can be shared.
// `lost`: the run's note when C code takes the slot. False: the function is not as expected.
bool ShareSlot(Py_tracefunc ours, bool profile, const char* lost);
// Gives each thread the program's functions as they would be without the recorder, for every shared slot.
void UnshareSlot();
// Checks whether C code of the program took a shared slot of the calling thread: the run is then marked incomplete,
// reported once. An empty slot is taken again. REQUIRES a call of ShareSlot before, and the main interpreter.
void LookAtSlot();

// Call the program's function for an event, from within ours. They return the result for ours: -1 with an exception
// set when the program's function raised; it is then removed, as the interpreter does.
int CallUserTrace(PyObject* function, PyFrameObject* frame, int what, PyObject* arg);
int CallUserProfile(PyObject* function, PyFrameObject* frame, int what, PyObject* arg);

}  // namespace smiley::tracer
#endif
