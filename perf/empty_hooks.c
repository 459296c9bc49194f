// Hooks that do nothing: the least cost of any recorder. Before CPython 3.12 they are a C trace function (lines) or
// profile function (calls); from 3.12 on they are callbacks of sys.monitoring in C. Every version also has a C
// profile function. bench.py builds this module for each interpreter.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <frameobject.h>
#include <stddef.h>

static int NothingOld(PyObject* self, PyFrameObject* frame, int what, PyObject* arg) {
  (void)self, (void)frame, (void)what, (void)arg;
  return 0;
}

// The hooks are those of the calling thread only, so run_workload.py calls Start in each thread.
#if PY_VERSION_HEX < 0x030C0000
static PyObject* Start(PyObject* self, PyObject* kind) {
  (void)self;
  if (PyUnicode_CompareWithASCIIString(kind, "line") == 0) {
    PyEval_SetTrace(NothingOld, NULL);
  } else {
    PyEval_SetProfile(NothingOld, NULL);
  }
  Py_RETURN_NONE;
}
#else
typedef struct {
  PyObject_HEAD vectorcallfunc call;
} Callback;

static PyObject* Nothing(PyObject* self, PyObject* const* args, size_t count, PyObject* names) {
  (void)self, (void)args, (void)count, (void)names;
  Py_RETURN_NONE;
}

static PyTypeObject CallbackType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "empty_hooks.Callback",
    .tp_basicsize = sizeof(Callback),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Callback, call),
    .tp_call = PyVectorcall_Call,
};

static int Register(PyObject* monitoring, int event) {
  Callback* callback = PyObject_New(Callback, &CallbackType);
  if (callback == NULL) return -1;
  callback->call = Nothing;
  PyObject* old = PyObject_CallMethod(monitoring, "register_callback", "iiO", 3, event, (PyObject*)callback);
  Py_DECREF(callback);
  Py_XDECREF(old);
  return old == NULL ? -1 : 0;
}

static PyObject* Start(PyObject* self, PyObject* kind) {
  (void)self;
  if (PyUnicode_CompareWithASCIIString(kind, "profile") == 0) {
    PyEval_SetProfile(NothingOld, NULL);
    Py_RETURN_NONE;
  }
  if (PyType_Ready(&CallbackType) < 0) return NULL;
  PyObject* monitoring = PySys_GetObject("monitoring");
  PyObject* used = PyObject_CallMethod(monitoring, "use_tool_id", "is", 3, "empty");
  if (used == NULL) return NULL;
  Py_DECREF(used);
  const int start = 1, resume = 2, ret = 4, yield = 8, line = 32;
  const int calls = start | resume | ret | yield;
  const int wanted = PyUnicode_CompareWithASCIIString(kind, "line") == 0 ? calls | line : calls;
  for (int event = 1; event <= line; event <<= 1) {
    if ((wanted & event) && Register(monitoring, event) < 0) return NULL;
  }
  return PyObject_CallMethod(monitoring, "set_events", "ii", 3, wanted);
}
#endif

static PyMethodDef methods[] = {
    {"start", Start, METH_O,
     "start('line' | 'call' | 'profile'): from now on every event calls a C function that does nothing."},
    {NULL, NULL, 0, NULL},
};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "empty_hooks", NULL, -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_empty_hooks(void) { return PyModule_Create(&module); }
