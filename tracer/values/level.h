// Thread rule: call with the GIL held. Never runs the program's code; everything in a Level is borrowed and valid
// only until the program runs again.
//
// Reads the first level of a container or object (its items and attributes) through its C layout.
#pragma once

#include <Python.h>

#include <vector>

#include "tracer/interp/interp.h"
#include "tracer/values/types.h"

namespace smiley::tracer {

struct Level {
  Py_ssize_t total = 0;               // items (dicts: pairs) of the container, also beyond the limit
  std::vector<PyObject*> items;       // the first ones, up to the limit; dicts: key, value, key, value …
  Py_ssize_t attribute_total = 0;     // attributes of the object, also beyond the limit
  std::vector<PyObject*> attributes;  // the first ones, up to the limit: name, value, name, value …
  void Clear() {
    total = attribute_total = 0;
    items.clear();
    attributes.clear();
  }
};

// Calls `each` with the name and value of each attribute that the object stores inline.
template <typename Each>
void ForEachAttribute(const SmileyAttributes& at, Each each) {
  for (Py_ssize_t i = 0; i < at.count; ++i) {
    if (at.values[i] != nullptr && at.names[2 * i] != nullptr) each(at.names[2 * i], at.values[i]);
  }
}

// Calls `each` with the key and value of a dict's first `limit` items, in order, until `each` returns false.
template <typename Each>
void ForEachItem(PyObject* dict, Py_ssize_t limit, Each each) {
  SmileyItems at;
  if (smiley_dict_items(dict, &at)) [[likely]] {
    for (Py_ssize_t i = 0; i < at.count && limit > 0; ++i) {
      PyObject* value = at.values[i * at.stride];
      if (value == nullptr) continue;
      if (!each(at.keys[i * at.stride], value)) return;
      --limit;
    }
    return;
  }
  PyObject *key, *value;
  Py_ssize_t pos = 0;
  while (limit-- > 0 && PyDict_Next(dict, &pos, &key, &value) && each(key, value)) {
  }
}

// Reads the items of a container and the attributes of an object or of a subclass's instance, at most `limit` of
// each.
void ReadLevel(PyObject* object, const TypeInfo& info, Py_ssize_t limit, Level* out);

// The number of items of a container (dicts: pairs). REQUIRES IsContainer(shape).
Py_ssize_t Length(PyObject* object, Shape shape);

// The items of a list or tuple in place. A null item: the container is still being built. REQUIRES a list or tuple.
inline PyObject* const* ItemsOf(PyObject* object, Shape shape) {
  return shape == Shape::kList ? reinterpret_cast<PyListObject*>(object)->ob_item
                               : reinterpret_cast<PyTupleObject*>(object)->ob_item;
}

// The instance's attribute of that name, from its __dict__ or slots. Borrowed; null when there is none.
PyObject* ReadAttribute(PyObject* object, const TypeInfo& info, const char* name);

}  // namespace smiley::tracer
