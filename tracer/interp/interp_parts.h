// Thread rule: as interp.h.
//
// The code that all version files share. Each includes this file after the internal headers that it needs (dict keys,
// thread list).
#pragma once

static PyObject* LookupUnicodeKeys(PyDictObject* dict, PyObject* name) {
  // With unicode-only keys the interpreter's own lookup compares only pointers, hashes and characters.
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

int smiley_dict_items(PyObject* object, SmileyItems* out) {
  const PyDictObject* dict = (PyDictObject*)object;
  if (dict->ma_values != NULL) return 0;
  PyDictKeysObject* keys = dict->ma_keys;
  out->count = keys->dk_nentries;
  out->keys = out->values = NULL;
  out->stride = 0;
  if (out->count == 0) return 1;  // an empty table has no memory for entries
  if (DK_IS_UNICODE(keys)) {
    const PyDictUnicodeEntry* entries = DK_UNICODE_ENTRIES(keys);
    out->keys = &entries->me_key;
    out->values = &entries->me_value;
    out->stride = sizeof *entries / sizeof(PyObject*);
  } else {
    const PyDictKeyEntry* entries = DK_ENTRIES(keys);
    out->keys = &entries->me_key;
    out->values = &entries->me_value;
    out->stride = sizeof *entries / sizeof(PyObject*);
  }
  return 1;
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
  // The interpreter publishes its offsets for debuggers.
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

static void SplitAttributes(PyDictKeysObject* keys, PyObject** held, SmileyAttributes* out) {
  if (!DK_IS_UNICODE(keys) || keys->dk_nentries == 0) return;
  const PyDictUnicodeEntry* entries = DK_UNICODE_ENTRIES(keys);
  out->names = &entries->me_key;
  out->values = held;
  out->count = keys->dk_nentries;
}
_Static_assert(sizeof(PyDictUnicodeEntry) == 2 * sizeof(PyObject*) && offsetof(PyDictUnicodeEntry, me_key) == 0,
               "names lie at every other pointer");
