#include "tracer/hooks/user_trace.h"

#if PY_VERSION_HEX < 0x030C0000
#include <iterator>

#include "tracer/interp/interp.h"
#include "tracer/recorder/process.h"
#include "tracer/recorder/swap.h"

namespace smiley::tracer {
namespace {

// The interpreter's slots: [0] for the trace function, [1] for the profile function.
struct Shared {
  Py_tracefunc ours = nullptr;  // null: not shared
  const char* lost = nullptr;   // the message when C code takes the slot
  bool said = false;
  Swap set;
} g_shared[2];

// The name of an event, interned as the interpreter's own are.
PyObject* EventName(int what) {
  static const char* const kNames[] = {"call",   "exception",   "line",     "return",
                                       "c_call", "c_exception", "c_return", "opcode"};
  static PyObject* strings[std::size(kNames)];
  if (strings[what] == nullptr) strings[what] = PyUnicode_InternFromString(kNames[what]);
  return strings[what];
}

template <int kProfile>
PyObject* Set(PyObject* module, PyObject* function) {
  if (!InMainInterpreter()) return g_shared[kProfile].set.original(module, function);
  LookAtSlot();
  if (smiley_set_slot(g_shared[kProfile].ours, function == Py_None ? nullptr : function, kProfile) < 0)
    return nullptr;
  Py_RETURN_NONE;
}

// Calls the program's function. Null: it raised, and the exception is set.
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

void Remove(int profile) {
  if (smiley_set_slot(g_shared[profile].ours, nullptr, profile) < 0) PyErr_Clear();
}

}  // namespace

bool ShareSlot(Py_tracefunc ours, bool profile, const char* lost) {
  PyMethodDef* definition = FindDefinition("sys", profile ? "setprofile" : "settrace");
  if (definition == nullptr || definition->ml_flags != METH_O) return false;
  Shared& place = g_shared[profile ? 1 : 0];
  place.ours = ours;
  place.lost = lost;
  SetPassing(&LookAtSlot);
  return place.set.Set(definition, profile ? &Set<1> : &Set<0>);
}

void UnshareSlot() {
  SetPassing(nullptr);
  for (const int profile : {0, 1}) {
    Shared& place = g_shared[profile];
    if (place.set.definition == nullptr) continue;
    const PyCFunction original = place.set.original;
    place.set.Undo();
    smiley_hand_back_slots(place.ours, original, profile);
    place.ours = nullptr;
  }
}

void LookAtSlot() {
  for (const int profile : {0, 1}) {
    Shared& place = g_shared[profile];
    if (place.ours == nullptr) continue;
    const SmileySlot slot = smiley_look_at_slot(place.ours, profile);
    if (slot == kSmileySlotOurs) continue;
    if (!place.said) {
      place.said = true;
      Process::instance()->Incomplete(place.lost);
    }
    if (slot == kSmileySlotEmpty) smiley_trace_all_threads(place.ours, nullptr, profile);
  }
}

int CallUserTrace(PyObject* function, PyFrameObject* frame, int what, PyObject* arg) {
  PyObject* callback = what == PyTrace_CALL ? function : smiley_frame_trace(frame);
  if (callback == nullptr) return 0;
  PyObject* result = Call(callback, frame, what, arg);
  if (result == nullptr) {
    Remove(0);
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
    Remove(1);
    return -1;
  }
  Py_DECREF(result);
  return 0;
}

}  // namespace smiley::tracer
#endif
