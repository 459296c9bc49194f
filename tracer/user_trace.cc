#include "tracer/user_trace.h"

#if PY_VERSION_HEX < 0x030C0000

#include "tracer/interp.h"
#include "tracer/swap.h"

namespace smiley::tracer {
namespace {

__attribute__((tls_model("initial-exec"))) thread_local PyObject* t_function = nullptr;  // owned
int g_functions = 0;  // threads that have one; guarded by the GIL

Swap g_settrace, g_gettrace;

const char* EventName(int what) {
  switch (what) {
    case PyTrace_CALL: return "call";
    case PyTrace_LINE: return "line";
    case PyTrace_RETURN: return "return";
    case PyTrace_EXCEPTION: return "exception";
    default: return "opcode";
  }
}

void SetFunction(PyObject* function) {
  PyObject* old = t_function;
  g_functions += (function != nullptr) - (old != nullptr);
  Py_XINCREF(function);
  t_function = function;
  Py_XDECREF(old);
}

PyObject* SetTrace(PyObject*, PyObject* function) {
  if (PySys_Audit("sys.settrace", nullptr) < 0) return nullptr;
  SetFunction(function == Py_None ? nullptr : function);
  Py_RETURN_NONE;
}

PyObject* GetTrace(PyObject*, PyObject*) {
  PyObject* function = t_function != nullptr ? t_function : Py_None;
  Py_INCREF(function);
  return function;
}

}  // namespace

bool WatchSettrace() {
  PyMethodDef* settrace = FindDefinition("sys", "settrace");
  PyMethodDef* gettrace = FindDefinition("sys", "gettrace");
  if (settrace == nullptr || gettrace == nullptr || settrace->ml_flags != METH_O || gettrace->ml_flags != METH_NOARGS) {
    return false;
  }
  return g_settrace.Set(settrace, &SetTrace) && g_gettrace.Set(gettrace, &GetTrace);
}

void UnwatchSettrace() {
  g_settrace.Undo();
  g_gettrace.Undo();
}

bool HasUserTrace() { return g_functions != 0 && t_function != nullptr; }

int CallUserTrace(PyFrameObject* frame, int what, PyObject* arg) {
  PyObject* function = what == PyTrace_CALL ? t_function : smiley_frame_trace(frame);
  if (function == nullptr) return 0;
  Py_INCREF(function);
  if (PyFrame_FastToLocalsWithError(frame) < 0) {
    Py_DECREF(function);
    return -1;
  }
  PyObject* result = PyObject_CallFunction(function, "OsO", frame, EventName(what), arg != nullptr ? arg : Py_None);
  PyFrame_LocalsToFast(frame, 1);
  Py_DECREF(function);
  if (result == nullptr) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    SetFunction(nullptr);
    smiley_set_frame_trace(frame, nullptr);
    PyErr_Restore(type, value, traceback);
    return -1;
  }
  if (result != Py_None) smiley_set_frame_trace(frame, result);
  Py_DECREF(result);
  return 0;
}

}  // namespace smiley::tracer
#endif
