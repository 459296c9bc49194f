// Thread rule: as interp.h.
//
// The code that the version files of CPython 3.13 and newer share.
#pragma once

#include "tracer/interp/interp_parts.h"

void smiley_attributes(PyObject* object, SmileyAttributes* out) {
  PyTypeObject* type = Py_TYPE(object);
  *out = (SmileyAttributes){NULL, NULL, NULL, 0};
  if (!(type->tp_flags & Py_TPFLAGS_MANAGED_DICT)) return;
  out->dict = (PyObject*)_PyObject_GetManagedDict(object);
  if (out->dict != NULL || !(type->tp_flags & Py_TPFLAGS_INLINE_VALUES)) return;
  PyDictValues* held = _PyObject_InlineValues(object);
  if (!held->valid) return;
  SplitAttributes(((PyHeapTypeObject*)type)->ht_cached_keys, held->values, out);
}

int smiley_signals_pending(void) { return (PyThreadState_Get()->eval_breaker & _PY_SIGNALS_PENDING_BIT) != 0; }
