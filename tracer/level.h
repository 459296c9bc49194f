// Thread rule: call with the GIL held. Never runs the program's code; everything in a Level is borrowed and valid only
// until the program runs again.
//
// The first level of a container or object, read through its C layout.
#pragma once

#include <Python.h>

#include <vector>

#include "tracer/types.h"

namespace smiley::tracer {

struct Level {
  Py_ssize_t total = 0;              // items (pairs for dicts) that the container has
  std::vector<PyObject*> items;      // at most the limit; dicts: key, value, key, value …
  Py_ssize_t attribute_total = 0;
  std::vector<PyObject*> attributes; // name, value, …
  void Clear() {
    total = attribute_total = 0;
    items.clear();
    attributes.clear();
  }
};

// Reads what `info` says about `object`: items of containers, attributes of objects and of subclasses' instances.
void ReadLevel(PyObject* object, const TypeInfo& info, Py_ssize_t limit, Level* out);

// REQUIRES a container: how many items it has (dicts: pairs).
Py_ssize_t Length(PyObject* object, Shape shape);

// REQUIRES a list or tuple: where its items lie. Null ones: it is being built.
inline PyObject* const* ItemsOf(PyObject* object, Shape shape) {
  return shape == Shape::kList ? reinterpret_cast<PyListObject*>(object)->ob_item : reinterpret_cast<PyTupleObject*>(object)->ob_item;
}

// The attribute of that name of an instance (its __dict__ or slots), borrowed; null when there is none.
PyObject* ReadAttribute(PyObject* object, const TypeInfo& info, const char* name);

}  // namespace smiley::tracer
