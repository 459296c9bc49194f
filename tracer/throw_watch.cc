#include "tracer/throw_watch.h"

#include <cstddef>

namespace smiley::tracer {

#if PY_VERSION_HEX >= 0x030D0000

namespace {

constexpr int kTool = 4;  // free for anyone's use
constexpr int kPyThrow = 1 << 13;

__attribute__((tls_model("initial-exec"))) thread_local PyObject* t_thrown = nullptr;

struct Callback {
  PyObject_HEAD
  vectorcallfunc call;
};

PyObject* Note(PyObject*, PyObject* const* args, size_t count, PyObject*) {
  t_thrown = PyVectorcall_NARGS(count) == 3 ? args[2] : nullptr;
  Py_RETURN_NONE;
}

PyTypeObject* CallbackType() {
  static PyTypeObject type = [] {
    PyTypeObject made = {PyVarObject_HEAD_INIT(nullptr, 0)};
    made.tp_name = "smiley.Callback";
    made.tp_basicsize = sizeof(Callback);
    made.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL;
    made.tp_vectorcall_offset = offsetof(Callback, call);
    made.tp_call = PyVectorcall_Call;
    return made;
  }();
  return PyType_Ready(&type) == 0 ? &type : nullptr;
}

bool Done(PyObject* result) {
  if (result == nullptr) PyErr_Clear();
  Py_XDECREF(result);
  return result != nullptr;
}

}  // namespace

bool WatchThrows() {
  PyObject* monitoring = PySys_GetObject("monitoring");
  PyTypeObject* type = CallbackType();
  if (monitoring == nullptr || type == nullptr) {
    PyErr_Clear();
    return false;
  }
  if (!Done(PyObject_CallMethod(monitoring, "use_tool_id", "is", kTool, "smiley"))) return false;
  Callback* callback = PyObject_New(Callback, type);
  bool set = callback != nullptr;
  if (set) {
    callback->call = &Note;
    set = Done(PyObject_CallMethod(monitoring, "register_callback", "iiO", kTool, kPyThrow, callback)) &&
          Done(PyObject_CallMethod(monitoring, "set_events", "ii", kTool, kPyThrow));
    Py_DECREF(callback);
  }
  if (!set) UnwatchThrows();
  return set;
}

void UnwatchThrows() {
  PyObject* monitoring = PySys_GetObject("monitoring");
  if (monitoring == nullptr) return;
  Done(PyObject_CallMethod(monitoring, "set_events", "ii", kTool, 0));
  Done(PyObject_CallMethod(monitoring, "register_callback", "iiO", kTool, kPyThrow, Py_None));
  Done(PyObject_CallMethod(monitoring, "free_tool_id", "i", kTool));
}

PyObject* TakeThrown() {
  PyObject* thrown = t_thrown;
  t_thrown = nullptr;
  return thrown;
}

#else

bool WatchThrows() { return true; }
void UnwatchThrows() {}
PyObject* TakeThrown() { return nullptr; }

#endif

}  // namespace smiley::tracer
