#include "tracer/user_trace.h"

#if PY_VERSION_HEX < 0x030C0000
#include <iterator>

#include "tracer/interp.h"
#include "tracer/process.h"
#include "tracer/swap.h"

namespace smiley::tracer {
namespace {

Py_tracefunc g_ours = nullptr;
bool g_profile = false;
Swap g_set;
bool g_lost = false;  // said already

// The strings that the interpreter passes are interned, and so are these.
PyObject* EventName(int what) {
  static const char* const kNames[] = {"call", "exception", "line", "return", "c_call", "c_exception", "c_return", "opcode"};
  static PyObject* strings[std::size(kNames)];
  if (strings[what] == nullptr) strings[what] = PyUnicode_InternFromString(kNames[what]);
  return strings[what];
}

PyObject* Set(PyObject* module, PyObject* function) {
  if (!InMainInterpreter()) return g_set.original(module, function);
  LookAtSlot();
  if (smiley_set_slot(g_ours, function == Py_None ? nullptr : function, g_profile ? 1 : 0) < 0) return nullptr;
  Py_RETURN_NONE;
}

// Null with an exception set when the function raised.
PyObject* Call(PyObject* function, PyFrameObject* frame, int what, PyObject* arg) {
  if (PyFrame_FastToLocalsWithError(frame) < 0) return nullptr;
  Py_INCREF(function);
  PyObject* args[3] = {reinterpret_cast<PyObject*>(frame), EventName(what), arg != nullptr ? arg : Py_None};
  PyObject* result = args[1] != nullptr ? PyObject_Vectorcall(function, args, 3, nullptr) : nullptr;
  Py_DECREF(function);
  PyFrame_LocalsToFast(frame, 1);
  if (result == nullptr) PyTraceBack_Here(frame);
  return result;
}

void Remove() {
  if (smiley_set_slot(g_ours, nullptr, g_profile ? 1 : 0) < 0) PyErr_Clear();
}

}  // namespace

bool ShareSlot(Py_tracefunc ours, bool profile) {
  PyMethodDef* definition = FindDefinition("sys", profile ? "setprofile" : "settrace");
  if (definition == nullptr || definition->ml_flags != METH_O) return false;
  g_ours = ours;
  g_profile = profile;
  SetPassing(&LookAtSlot);
  return g_set.Set(definition, &Set);
}

void UnshareSlot() {
  if (g_set.definition == nullptr) return;
  SetPassing(nullptr);
  const PyCFunction original = g_set.original;
  g_set.Undo();
  smiley_hand_back_slots(g_ours, original, g_profile ? 1 : 0);
}

void LookAtSlot() {
  const SmileySlot slot = smiley_look_at_slot(g_ours, g_profile ? 1 : 0);
  if (slot == kSmileySlotOurs) return;
  if (!g_lost) {
    g_lost = true;
    Process::instance()->Incomplete(g_profile ? "C code of the program took the place of the profile function; calls are missing"
                                              : "C code of the program took the place of the trace function; events are missing");
  }
  if (slot == kSmileySlotEmpty) smiley_trace_all_threads(g_ours, nullptr, g_profile ? 1 : 0);
}

int CallUserTrace(PyObject* function, PyFrameObject* frame, int what, PyObject* arg) {
  PyObject* callback = what == PyTrace_CALL ? function : smiley_frame_trace(frame);
  if (callback == nullptr) return 0;
  PyObject* result = Call(callback, frame, what, arg);
  if (result == nullptr) {
    Remove();
    smiley_set_frame_trace(frame, nullptr);
    return -1;
  }
  if (result != Py_None) smiley_set_frame_trace(frame, result);
  Py_DECREF(result);
  return 0;
}

int CallUserProfile(PyObject* function, PyFrameObject* frame, int what, PyObject* arg) {
  PyObject* result = Call(function, frame, what, arg);
  if (result == nullptr) {
    Remove();
    return -1;
  }
  Py_DECREF(result);
  return 0;
}

}  // namespace smiley::tracer
#endif
