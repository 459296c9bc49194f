// Thread rule: as interp.h.
//
// The code that the version files of CPython 3.12 and newer share.
#pragma once

int smiley_small_int(PyObject* number, uint64_t* magnitude, int* negative) {
  const PyLongObject* n = (PyLongObject*)number;
  const uintptr_t tag = n->long_value.lv_tag, count = tag >> 3;
  *negative = (tag & 3) == 2;
  *magnitude = 0;
  if (count > 3) return 0;
  for (uintptr_t i = count; i-- > 0;) {
    if (*magnitude >> (64 - PyLong_SHIFT)) return 0;
    *magnitude = (*magnitude << PyLong_SHIFT) | n->long_value.ob_digit[i];
  }
  return 1;
}

const void* smiley_int_digits(PyObject* number, size_t* bytes) {
  const PyLongObject* n = (PyLongObject*)number;
  *bytes = (n->long_value.lv_tag >> 3) * sizeof(digit);
  return n->long_value.ob_digit;
}

int smiley_unlink_audit_hook(void* hook, void* user_data) {
  for (_Py_AuditHookEntry** at = &_PyRuntime.audit_hooks.head; *at != NULL; at = &(*at)->next) {
    if ((void*)(*at)->hookCFunction == hook && (*at)->userData == user_data) {
      *at = (*at)->next;
      return 1;
    }
  }
  return 0;
}
