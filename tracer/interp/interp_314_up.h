// Thread rule: as interp.h.
//
// The code that the version files of CPython 3.14 and newer share. Slots of their frames hold tagged references, see
// smiley_slot.
#pragma once

#define INNERMOST(thread) ((thread)->current_frame)

static inline void FillFrame(_PyInterpreterFrame* f, SmileyFrame* out) {
  out->key = f;
  out->locals = (PyObject**)f->localsplus;
  out->code = (PyCodeObject*)smiley_untag((void*)f->f_executable.bits);
  out->lasti = _PyInterpreterFrame_LASTI(f);
}

#define FUNCTION(f) smiley_untag((void*)(f)->f_funcobj.bits)
static inline PyObject* TopOf(_PyInterpreterFrame* f) {
  const PyCodeObject* code = (PyCodeObject*)smiley_untag((void*)f->f_executable.bits);
  const _PyStackRef* top = f->stackpointer;
  return top > f->localsplus + code->co_nlocalsplus ? smiley_untag((void*)top[-1].bits) : NULL;
}

#include "tracer/interp/interp_frames.h"

void smiley_current_frame(SmileyFrame* out) { FillFrame(INNERMOST(PyThreadState_GET()), out); }

PyObject* smiley_running_task(void) { return ((_PyThreadStateImpl*)PyThreadState_GET())->asyncio_running_task; }
