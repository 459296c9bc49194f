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

#include "tracer/interp/interp.h"
#include "tracer/interp/interp_312_up.h"
#include "tracer/interp/interp_parts.h"

#define INNERMOST(thread) ((thread)->cframe->current_frame)

static inline void FillFrame(_PyInterpreterFrame* f, SmileyFrame* out) {
  out->key = f;
  out->locals = f->localsplus;
  out->code = f->f_code;
  out->lasti = _PyInterpreterFrame_LASTI(f);
}

#define FUNCTION(f) (f)->f_funcobj
static inline PyObject* TopOf(_PyInterpreterFrame* f) {
  return f->stacktop > f->f_code->co_nlocalsplus ? f->localsplus[f->stacktop - 1] : NULL;
}

#include "tracer/interp/interp_frames.h"

void smiley_current_frame(SmileyFrame* out) { FillFrame(INNERMOST(PyThreadState_GET()), out); }

void smiley_attributes(PyObject* object, SmileyAttributes* out) {
  PyTypeObject* type = Py_TYPE(object);
  *out = (SmileyAttributes){NULL, NULL, NULL, 0};
  if (!(type->tp_flags & Py_TPFLAGS_MANAGED_DICT)) return;
  PyDictOrValues held = *_PyObject_DictOrValuesPointer(object);
  if (!_PyDictOrValues_IsValues(held)) {
    out->dict = _PyDictOrValues_GetDict(held);
    return;
  }
  SplitAttributes(((PyHeapTypeObject*)type)->ht_cached_keys, _PyDictOrValues_GetValues(held)->values, out);
}

int smiley_signals_pending(void) { return _Py_atomic_load_relaxed(&_PyRuntime.ceval.signals_pending) != 0; }
#endif
