// Thread rule: call with the GIL held.
//
// CPython 3.11 only, where the interpreter has one place for a C trace function (and one for a profile function) in
// each thread. The recorder's function stands there, and what the program gives to sys.settrace (sys.setprofile) is
// its argument, which it calls as the interpreter would: sys.gettrace and the end of a thread need nothing of us.
#pragma once

#include <Python.h>
#include <frameobject.h>

#if PY_VERSION_HEX < 0x030C0000
namespace smiley::tracer {

// Stands in front of sys.settrace (`profile`: of sys.setprofile) for `ours`; both can be shared. `lost`: what the run
// is told when C code takes the place. False when it is not as expected.
bool ShareSlot(Py_tracefunc ours, bool profile, const char* lost);
// The program's functions go back to where they would be without the recorder, in every thread and of every shared
// place.
void UnshareSlot();
// Notices when C code of the program has taken a shared place of the calling thread for itself: the run is marked
// incomplete, said once. A place that was left empty is taken again. REQUIRES: ShareSlot was called, and the main
// interpreter.
void LookAtSlot();

// Tell the program's function of an event, from within ours; what ours is to return: -1 with an exception set when it
// raised (it is then removed, as the interpreter does).
int CallUserTrace(PyObject* function, PyFrameObject* frame, int what, PyObject* arg);
int CallUserProfile(PyObject* function, PyFrameObject* frame, int what, PyObject* arg);

}  // namespace smiley::tracer
#endif
