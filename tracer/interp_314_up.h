// Thread rule: as interp.h. Included by the version files of CPython 3.14 and newer: what they share. Slots of frames hold
// tagged references there, see smiley_slot.
#pragma once

#define INNERMOST(thread) ((thread)->current_frame)

static inline void FillFrame(_PyInterpreterFrame* f, SmileyFrame* out) {
  out->key = f;
  out->previous = f->previous;
  out->locals = (PyObject**)f->localsplus;
  out->code = (PyCodeObject*)smiley_untag((void*)f->f_executable.bits);
  out->func = smiley_untag((void*)f->f_funcobj.bits);
  out->globals = f->f_globals;
  out->names = (out->code->co_flags & CO_OPTIMIZED) ? NULL : f->f_locals;
  out->lasti = _PyInterpreterFrame_LASTI(f);
  const _PyStackRef* top = f->stackpointer;
  out->top = top > f->localsplus + out->code->co_nlocalsplus ? smiley_untag((void*)top[-1].bits) : NULL;
}

#include "tracer/interp_frames.h"

void smiley_current_frame(SmileyFrame* out) { FillFrame(INNERMOST(PyThreadState_GET()), out); }

PyObject* smiley_running_task(void) { return ((_PyThreadStateImpl*)PyThreadState_GET())->asyncio_running_task; }
