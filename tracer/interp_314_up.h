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

Py_ssize_t smiley_instance_attributes(PyObject* object, PyObject** dict, PyObject** names, PyObject** values,
                                      Py_ssize_t room) {
  PyTypeObject* type = Py_TYPE(object);
  *dict = NULL;
  if (!(type->tp_flags & Py_TPFLAGS_MANAGED_DICT)) return 0;
  *dict = (PyObject*)_PyObject_GetManagedDict(object);
  if (*dict != NULL || !(type->tp_flags & Py_TPFLAGS_INLINE_VALUES)) return 0;
  PyDictValues* held = _PyObject_InlineValues(object);
  if (!held->valid) return 0;
  return SplitAttributes(((PyHeapTypeObject*)type)->ht_cached_keys, held->values, names, values, room);
}

int smiley_small_int(PyObject* number, uint64_t* magnitude, int* negative) {
  const PyLongObject* n = (PyLongObject*)number;
  return SmallIntFromDigits(n->long_value.lv_tag, n->long_value.ob_digit, magnitude, negative);
}

int smiley_signals_pending(void) { return (PyThreadState_Get()->eval_breaker & _PY_SIGNALS_PENDING_BIT) != 0; }

int smiley_unlink_audit_hook(void* hook, void* user_data) {
  return UnlinkAuditHook(&_PyRuntime.audit_hooks.head, hook, user_data);
}
