// CPython 3.13: see interp.h.
#include <patchlevel.h>
#if PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x030E0000
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_ceval.h>
#include <internal/pycore_dict.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_long.h>
#include <internal/pycore_object.h>
#include <internal/pycore_runtime.h>
#include <internal/pycore_setobject.h>

#include "tracer/interp/interp.h"
#include "tracer/interp/interp_312_up.h"
#include "tracer/interp/interp_313_up.h"
#include "tracer/interp/interp_parts.h"

#define INNERMOST(thread) ((thread)->current_frame)

static inline void FillFrame(_PyInterpreterFrame* f, SmileyFrame* out) {
  out->key = f;
  out->locals = f->localsplus;
  out->code = _PyFrame_GetCode(f);
  out->lasti = _PyInterpreterFrame_LASTI(f);
}

#define FUNCTION(f) (f)->f_funcobj
static inline PyObject* TopOf(_PyInterpreterFrame* f) {
  return f->stacktop > _PyFrame_GetCode(f)->co_nlocalsplus ? f->localsplus[f->stacktop - 1] : NULL;
}

#include "tracer/interp/interp_frames.h"

void smiley_current_frame(SmileyFrame* out) { FillFrame(INNERMOST(PyThreadState_GET()), out); }
#endif
