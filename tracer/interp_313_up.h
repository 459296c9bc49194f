// Thread rule: as interp.h. Included by the version files of CPython 3.13 and newer: what they share.
#pragma once

Py_ssize_t smiley_instance_attributes(PyObject* object, PyObject** dict, PyObject** pairs, Py_ssize_t room) {
  PyTypeObject* type = Py_TYPE(object);
  *dict = NULL;
  if (!(type->tp_flags & Py_TPFLAGS_MANAGED_DICT)) return 0;
  *dict = (PyObject*)_PyObject_GetManagedDict(object);
  if (*dict != NULL || !(type->tp_flags & Py_TPFLAGS_INLINE_VALUES)) return 0;
  PyDictValues* held = _PyObject_InlineValues(object);
  if (!held->valid) return 0;
  return SplitAttributes(((PyHeapTypeObject*)type)->ht_cached_keys, held->values, pairs, room);
}

int smiley_signals_pending(void) { return (PyThreadState_Get()->eval_breaker & _PY_SIGNALS_PENDING_BIT) != 0; }
