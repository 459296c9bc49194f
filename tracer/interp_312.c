// CPython 3.12: see interp.h.
#include <patchlevel.h>
#if PY_VERSION_HEX >= 0x030C0000 && PY_VERSION_HEX < 0x030D0000
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_dict.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_long.h>
#include <internal/pycore_object.h>
#include <internal/pycore_runtime.h>

#include "tracer/interp.h"
#include "tracer/interp_parts.h"
#include "tracer/interp_312_up.h"

#define INNERMOST(thread) ((thread)->cframe->current_frame)

static inline void FillFrame(_PyInterpreterFrame* f, SmileyFrame* out) {
  out->key = f;
  out->previous = f->previous;
  out->locals = f->localsplus;
  out->code = f->f_code;
  out->func = f->f_funcobj;
  out->globals = f->f_globals;
  out->names = (f->f_code->co_flags & CO_OPTIMIZED) ? NULL : f->f_locals;
  out->lasti = _PyInterpreterFrame_LASTI(f);
  out->top = f->stacktop > out->code->co_nlocalsplus ? f->localsplus[f->stacktop - 1] : NULL;
}

#include "tracer/interp_frames.h"

void smiley_current_frame(SmileyFrame* out) { FillFrame(INNERMOST(PyThreadState_GET()), out); }

Py_ssize_t smiley_instance_attributes(PyObject* object, PyObject** dict, PyObject** pairs, Py_ssize_t room) {
  PyTypeObject* type = Py_TYPE(object);
  *dict = NULL;
  if (!(type->tp_flags & Py_TPFLAGS_MANAGED_DICT)) return 0;
  PyDictOrValues held = *_PyObject_DictOrValuesPointer(object);
  if (!_PyDictOrValues_IsValues(held)) {
    *dict = _PyDictOrValues_GetDict(held);
    return 0;
  }
  return SplitAttributes(((PyHeapTypeObject*)type)->ht_cached_keys, _PyDictOrValues_GetValues(held)->values, pairs,
                         room);
}

int smiley_signals_pending(void) {
  return _Py_atomic_load_relaxed(&_PyRuntime.ceval.signals_pending) != 0;
}
#endif
