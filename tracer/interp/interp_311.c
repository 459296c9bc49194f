// CPython 3.11: see interp.h.
#include <patchlevel.h>
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_dict.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_object.h>
#include <internal/pycore_runtime.h>

#include "tracer/interp/interp.h"
#include "tracer/interp/interp_parts.h"

#define INNERMOST(thread) ((thread)->cframe->current_frame)

static void FillFrame(_PyInterpreterFrame* f, SmileyFrame* out) {
  out->key = f;
  out->locals = f->localsplus;
  out->code = f->f_code;
  out->lasti = _PyInterpreterFrame_LASTI(f);
}

#define FUNCTION(f) (PyObject*)(f)->f_func
static inline PyObject* TopOf(_PyInterpreterFrame* f) {
  return f->stacktop > f->f_code->co_nlocalsplus ? f->localsplus[f->stacktop - 1] : NULL;
}

#include "tracer/interp/interp_frames.h"

void smiley_read_frame(PyFrameObject* frame, SmileyFrame* out) { FillFrame(frame->f_frame, out); }

PyObject* smiley_frame_trace(PyFrameObject* frame) { return frame->f_trace; }

void smiley_set_frame_trace(PyFrameObject* frame, PyObject* function) {
  PyObject* old = frame->f_trace;
  Py_XINCREF(function);
  frame->f_trace = function;
  Py_XDECREF(old);
}

void smiley_attributes(PyObject* object, SmileyAttributes* out) {
  PyTypeObject* type = Py_TYPE(object);
  *out = (SmileyAttributes){NULL, NULL, NULL, 0};
  if (!(type->tp_flags & Py_TPFLAGS_MANAGED_DICT)) return;
  PyDictValues* held = *_PyObject_ValuesPointer(object);
  if (held == NULL) {
    out->dict = *_PyObject_ManagedDictPointer(object);
    return;
  }
  SplitAttributes(((PyHeapTypeObject*)type)->ht_cached_keys, held->values, out);
}

int smiley_small_int(PyObject* number, uint64_t* magnitude, int* negative) {
  const Py_ssize_t size = Py_SIZE(number);
  const Py_ssize_t digits = size < 0 ? -size : size;
  const PyLongObject* n = (PyLongObject*)number;
  *negative = size < 0;
  *magnitude = 0;
  if (digits > 3) return 0;
  for (Py_ssize_t i = digits - 1; i >= 0; i--) {
    if (*magnitude >> (64 - PyLong_SHIFT)) return 0;
    *magnitude = (*magnitude << PyLong_SHIFT) | n->ob_digit[i];
  }
  return 1;
}

const void* smiley_int_digits(PyObject* number, size_t* bytes) {
  const Py_ssize_t size = Py_SIZE(number);
  *bytes = (size_t)(size < 0 ? -size : size) * sizeof(digit);
  return ((PyLongObject*)number)->ob_digit;
}

int smiley_signals_pending(void) { return _Py_atomic_load_relaxed(&_PyRuntime.ceval.signals_pending) != 0; }

int smiley_unlink_audit_hook(void* hook, void* user_data) {
  for (_Py_AuditHookEntry** at = &_PyRuntime.audit_hook_head; *at != NULL; at = &(*at)->next) {
    if ((void*)(*at)->hookCFunction == hook && (*at)->userData == user_data) {
      *at = (*at)->next;
      return 1;
    }
  }
  return 0;
}

int smiley_trace_all_threads(Py_tracefunc func, PyObject* arg, int profile) {
  int set = 0;
  PyInterpreterState* interp = PyInterpreterState_Get();
  for (PyThreadState* t = PyInterpreterState_ThreadHead(interp); t != NULL; t = PyThreadState_Next(t)) {
    if ((profile ? t->c_profilefunc : t->c_tracefunc) != NULL) continue;
    Py_XINCREF(arg);
    if (profile) {
      t->c_profileobj = arg;
      t->c_profilefunc = func;
    } else {
      t->c_traceobj = arg;
      t->c_tracefunc = func;
    }
    t->cframe->use_tracing = 255;
    set++;
  }
  return set;
}

void smiley_untrace_all_threads(Py_tracefunc func) {
  PyInterpreterState* interp = PyInterpreterState_Get();
  for (PyThreadState* t = PyInterpreterState_ThreadHead(interp); t != NULL; t = PyThreadState_Next(t)) {
    if (t->c_tracefunc == func) {
      t->c_tracefunc = NULL;
      Py_CLEAR(t->c_traceobj);
    }
    if (t->c_profilefunc == func) {
      t->c_profilefunc = NULL;
      Py_CLEAR(t->c_profileobj);
    }
    t->cframe->use_tracing = (t->c_tracefunc != NULL || t->c_profilefunc != NULL) && t->tracing == 0 ? 255 : 0;
  }
}

int smiley_set_slot(Py_tracefunc func, PyObject* arg, int profile) {
  PyThreadState* self = PyThreadState_Get();
  return profile ? _PyEval_SetProfile(self, func, arg) : _PyEval_SetTrace(self, func, arg);
}

SmileySlot smiley_look_at_slot(Py_tracefunc ours, int profile) {
  const PyThreadState* self = PyThreadState_Get();
  const Py_tracefunc held = profile ? self->c_profilefunc : self->c_tracefunc;
  return held == ours ? kSmileySlotOurs : held == NULL ? kSmileySlotEmpty : kSmileySlotTaken;
}

void smiley_hand_back_slots(Py_tracefunc ours, PyCFunction set, int profile) {
  PyThreadState* self = PyThreadState_Get();
  PyObject* own = profile ? self->c_profileobj : self->c_traceobj;
  if ((profile ? self->c_profilefunc : self->c_tracefunc) != ours) return;
  // The interpreter's C function that calls Python functions is private, so it is read from a slot after it was set.
  PyObject* function = own != NULL ? own : (PyObject*)&PyType_Type;  // any callable
  Py_INCREF(function);
  PyObject* done = set(NULL, function);
  Py_DECREF(function);
  if (done == NULL) {
    PyErr_Clear();
    return;
  }
  Py_DECREF(done);
  const Py_tracefunc usual = profile ? self->c_profilefunc : self->c_tracefunc;
  for (PyThreadState* t = PyInterpreterState_ThreadHead(self->interp); t != NULL; t = PyThreadState_Next(t)) {
    if (profile && t->c_profilefunc == ours && t->c_profileobj != NULL) t->c_profilefunc = usual;
    if (!profile && t->c_tracefunc == ours && t->c_traceobj != NULL) t->c_tracefunc = usual;
  }
  if (own == NULL && smiley_set_slot(NULL, NULL, profile) < 0) PyErr_Clear();
}

// The struct behind co_extra (Objects/codeobject.c).
typedef struct {
  Py_ssize_t size;
  void* extras[1];
} CodeExtra;

int smiley_set_code_extra(PyCodeObject* code, Py_ssize_t index, void* extra) {
  if (code->co_extra != NULL) return _PyCode_SetExtra((PyObject*)code, index, extra);
  CodeExtra* room = PyMem_Calloc(1, sizeof(CodeExtra) + (size_t)index * sizeof(void*));
  if (room == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  room->size = index + 1;
  room->extras[index] = extra;
  code->co_extra = room;
  return 0;
}
#endif
