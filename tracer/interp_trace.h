// Thread rule: as interp.h. Included by the version files of CPython 3.12 and newer: what they share.
#pragma once

static int SmallIntFromDigits(uintptr_t tag, const digit* digits, uint64_t* magnitude, int* negative) {
  const uintptr_t count = tag >> 3;
  *negative = (tag & 3) == 2;
  *magnitude = 0;
  if (count > 3) return 0;
  for (uintptr_t i = count; i-- > 0;) {
    if (*magnitude >> (64 - PyLong_SHIFT)) return 0;
    *magnitude = (*magnitude << PyLong_SHIFT) | digits[i];
  }
  return 1;
}

const void* smiley_int_digits(PyObject* number, size_t* bytes) {
  const PyLongObject* n = (PyLongObject*)number;
  *bytes = (n->long_value.lv_tag >> 3) * sizeof(digit);
  return n->long_value.ob_digit;
}

static int UnlinkAuditHook(_Py_AuditHookEntry** head, void* hook, void* user_data) {
  for (_Py_AuditHookEntry** at = head; *at != NULL; at = &(*at)->next) {
    if ((void*)(*at)->hookCFunction == hook && (*at)->userData == user_data) {
      *at = (*at)->next;
      return 1;
    }
  }
  return 0;
}

int smiley_trace_all_threads(Py_tracefunc func, PyObject* arg, int profile) {
  int set = 0;
  PyThreadState* self = PyThreadState_Get();
  PyInterpreterState* interp = self->interp;
  if ((profile ? interp->sys_profiling_threads : interp->sys_tracing_threads) == 0) {
    // Installs the interpreter's own monitoring tool for such functions.
    if (profile) {
      PyEval_SetProfile(func, arg);
    } else {
      PyEval_SetTrace(func, arg);
    }
    set++;
  }
  for (PyThreadState* t = PyInterpreterState_ThreadHead(interp); t != NULL; t = PyThreadState_Next(t)) {
    if ((profile ? t->c_profilefunc : t->c_tracefunc) != NULL) continue;
    Py_XINCREF(arg);
    if (profile) {
      t->c_profileobj = arg;
      t->c_profilefunc = func;
      interp->sys_profiling_threads++;
    } else {
      t->c_traceobj = arg;
      t->c_tracefunc = func;
      interp->sys_tracing_threads++;
    }
    set++;
  }
  return set;
}

void smiley_untrace_all_threads(Py_tracefunc func) {
  PyThreadState* self = PyThreadState_Get();
  PyInterpreterState* interp = self->interp;
  for (PyThreadState* t = PyInterpreterState_ThreadHead(interp); t != NULL; t = PyThreadState_Next(t)) {
    if (t == self) continue;
    if (t->c_tracefunc == func) {
      t->c_tracefunc = NULL;
      interp->sys_tracing_threads--;
      Py_CLEAR(t->c_traceobj);
    }
    if (t->c_profilefunc == func) {
      t->c_profilefunc = NULL;
      interp->sys_profiling_threads--;
      Py_CLEAR(t->c_profileobj);
    }
  }
  if (self->c_tracefunc == func) PyEval_SetTrace(NULL, NULL);
  if (self->c_profilefunc == func) PyEval_SetProfile(NULL, NULL);
}
