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

static Py_ssize_t SplitAttributes(PyDictKeysObject* keys, PyObject** held, PyObject** names, PyObject** values,
                                  Py_ssize_t room) {
  if (!DK_IS_UNICODE(keys)) return 0;
  PyDictUnicodeEntry* entries = DK_UNICODE_ENTRIES(keys);
  Py_ssize_t count = 0;
  for (Py_ssize_t i = 0; i < keys->dk_nentries; i++) {
    if (held[i] == NULL || entries[i].me_key == NULL) continue;
    if (count < room) {
      names[count] = entries[i].me_key;
      values[count] = held[i];
    }
    count++;
  }
  return count;
}
