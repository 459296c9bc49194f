// Thread rule: as interp.h. Included by the version files only: what they share, written against the internal headers
// that each has included before (dict keys, thread list).
#pragma once

static PyObject* LookupUnicodeKeys(PyDictObject* dict, PyObject* name) {
  // With unicode-only keys the interpreter's own lookup compares pointers, hashes and characters, nothing else.
  Py_hash_t hash = ((PyASCIIObject*)name)->hash;
  if (hash == -1) hash = PyObject_Hash(name);
  return _PyDict_GetItem_KnownHash((PyObject*)dict, name, hash);
}

PyObject* smiley_dict_lookup(PyObject* object, PyObject* name) {
  PyDictObject* dict = (PyDictObject*)object;
  if (dict->ma_keys->dk_kind != DICT_KEYS_GENERAL) return LookupUnicodeKeys(dict, name);
  PyObject *key, *value;
  Py_ssize_t pos = 0;
  while (PyDict_Next(object, &pos, &key, &value)) {
    if (key == name) return value;
    if (PyUnicode_CheckExact(key) && PyUnicode_GET_LENGTH(key) == PyUnicode_GET_LENGTH(name) &&
        PyUnicode_Compare(key, name) == 0) {
      return value;
    }
  }
  return NULL;
}

int smiley_set_next(PyObject* set, Py_ssize_t* pos, PyObject** key) {
  Py_hash_t hash;
  return _PySet_NextEntry(set, pos, key, &hash);
}

PyObject* smiley_handled_exception(void) {
  PyThreadState* tstate = PyThreadState_Get();
  for (_PyErr_StackItem* info = tstate->exc_info; info != NULL; info = info->previous_item) {
    if (info->exc_value != NULL && info->exc_value != Py_None) return info->exc_value;
  }
  return NULL;
}

const char* smiley_layout_problem(void) {
#if PY_VERSION_HEX >= 0x030D0000
  // The interpreter tells debuggers where things are.
  const _Py_DebugOffsets* at = &_PyRuntime.debug_offsets;
  if (memcmp(at->cookie, _Py_Debug_Cookie, sizeof at->cookie) != 0 || (at->version >> 16) != (PY_VERSION_HEX >> 16) ||
      at->free_threaded || at->interpreter_frame.previous != offsetof(_PyInterpreterFrame, previous) ||
      at->interpreter_frame.executable != offsetof(_PyInterpreterFrame, f_executable) ||
      at->interpreter_frame.instr_ptr != offsetof(_PyInterpreterFrame, instr_ptr) ||
      at->interpreter_frame.localsplus != offsetof(_PyInterpreterFrame, localsplus) ||
      at->thread_state.current_frame != offsetof(PyThreadState, current_frame) ||
      at->code_object.localsplusnames != offsetof(PyCodeObject, co_localsplusnames) ||
      at->code_object.co_code_adaptive != offsetof(PyCodeObject, co_code_adaptive)) {
    return "the interpreter's frames are not as those of the CPython that smiley was built for; build smiley with it";
  }
#endif
  return NULL;
}

static Py_ssize_t SplitAttributes(PyDictKeysObject* keys, PyObject** held, PyObject** pairs, Py_ssize_t room) {
  if (!DK_IS_UNICODE(keys)) return 0;
  PyDictUnicodeEntry* entries = DK_UNICODE_ENTRIES(keys);
  Py_ssize_t count = 0;
  for (Py_ssize_t i = 0; i < keys->dk_nentries; i++) {
    if (held[i] == NULL || entries[i].me_key == NULL) continue;
    if (count < room) {
      pairs[2 * count] = entries[i].me_key;
      pairs[2 * count + 1] = held[i];
    }
    count++;
  }
  return count;
}
