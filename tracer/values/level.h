// Thread rule: call with the GIL held. Never runs the program's code; everything in a Level is borrowed and valid
// only until the program runs again.
//
// The first level of a container or object, read through its C layout.
#pragma once

#include <Python.h>

#include <vector>

#include "tracer/interp/interp.h"
#include "tracer/values/types.h"

namespace smiley::tracer {

struct Level {
  Py_ssize_t total = 0;          // items (pairs for dicts) that the container has
  std::vector<PyObject*> items;  // at most the limit; dicts: key, value, key, value …
  Py_ssize_t attribute_total = 0;
  std::vector<PyObject*> attributes;  // name, value, …
  void Clear() {
    total = attribute_total = 0;
    items.clear();
    attributes.clear();
  }
};

// Calls `each` with name and value of the attributes that stand in the object itself.
template <typename Each>
void ForEachAttribute(const SmileyAttributes& at, Each each) {
  for (Py_ssize_t i = 0; i < at.count; ++i) {
    if (at.values[i] != nullptr && at.names[2 * i] != nullptr) each(at.names[2 * i], at.values[i]);
  }
}

// Calls `each` with key and value of a dict's first `limit` items in order, until it says false.
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

// Reads what `info` says about `object`: items of containers, attributes of objects and of subclasses' instances.
void ReadLevel(PyObject* object, const TypeInfo& info, Py_ssize_t limit, Level* out);

// REQUIRES a container: how many items it has (dicts: pairs).
Py_ssize_t Length(PyObject* object, Shape shape);

// REQUIRES a list or tuple: where its items lie. Null ones: it is being built.
inline PyObject* const* ItemsOf(PyObject* object, Shape shape) {
  return shape == Shape::kList ? reinterpret_cast<PyListObject*>(object)->ob_item
                               : reinterpret_cast<PyTupleObject*>(object)->ob_item;
}

// The attribute of that name of an instance (its __dict__ or slots), borrowed; null when there is none.
PyObject* ReadAttribute(PyObject* object, const TypeInfo& info, const char* name);

}  // namespace smiley::tracer
