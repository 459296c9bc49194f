#include "tracer/values/level.h"

#include <cstring>

#include "shm/base/requires.h"
#include "tracer/interp/interp.h"

namespace smiley::tracer {
namespace {

constexpr Py_ssize_t kAttributeRoom = 64;

void ReadDict(PyObject* dict, Py_ssize_t limit, Py_ssize_t* total, std::vector<PyObject*>* out) {
  *total += PyDict_GET_SIZE(dict);
  ForEachItem(dict, limit, [out](PyObject* key, PyObject* value) {
    out->push_back(key);
    out->push_back(value);
    return true;
  });
}

PyObject* DictOf(PyObject* object, const TypeInfo& info) {
  if (info.dict_offset == 0) return nullptr;
  Py_ssize_t offset = info.dict_offset;
  if (offset < 0) {
    const PyTypeObject* type = Py_TYPE(object);
    const Py_ssize_t items = Py_SIZE(object) < 0 ? -Py_SIZE(object) : Py_SIZE(object);  // negative for a negative int
    constexpr Py_ssize_t kWord = sizeof(void*);
    offset += (type->tp_basicsize + items * type->tp_itemsize + kWord - 1) / kWord * kWord;
  }
  PyObject* dict;
  std::memcpy(&dict, reinterpret_cast<char*>(object) + offset, sizeof(PyObject*));
  return dict;
}

void ReadAttributes(PyObject* object, const TypeInfo& info, Py_ssize_t limit, Level* out) {
  PyObject* dict = DictOf(object, info);
  if (dict == nullptr) {
    SmileyAttributes at;
    smiley_attributes(object, &at);
    dict = at.dict;
    ForEachAttribute(at, [&](PyObject* name, PyObject* value) {
      if (++out->attribute_total > limit) return;
      out->attributes.push_back(name);
      out->attributes.push_back(value);
    });
  }
  if (dict != nullptr && PyDict_Check(dict)) ReadDict(dict, limit, &out->attribute_total, &out->attributes);
  for (const auto& [name, offset] : info.slots) {
    PyObject* value;
    std::memcpy(&value, reinterpret_cast<char*>(object) + offset, sizeof(PyObject*));
    if (value == nullptr) continue;
    ++out->attribute_total;
    if (static_cast<Py_ssize_t>(out->attributes.size()) >= 2 * limit) continue;
    out->attributes.push_back(name);
    out->attributes.push_back(value);
  }
}

}  // namespace

void ReadLevel(PyObject* object, const TypeInfo& info, Py_ssize_t limit, Level* out) {
  out->Clear();
  switch (info.shape) {
    case Shape::kList:
    case Shape::kTuple: {
      out->total = Py_SIZE(object);
      PyObject* const* at = ItemsOf(object, info.shape);
      for (Py_ssize_t i = 0; i < out->total && i < limit; ++i) {
        if (at[i] == nullptr) break;  // being built
        out->items.push_back(at[i]);
      }
      break;
    }
    case Shape::kSet:
    case Shape::kFrozenSet: {
      PyObject* key;
      Py_ssize_t pos = 0;
      out->total = PySet_GET_SIZE(object);
      for (Py_ssize_t i = 0; i < limit && smiley_set_next(object, &pos, &key); ++i) out->items.push_back(key);
      break;
    }
    case Shape::kDeque: {
      out->total = Py_SIZE(object);
      PySequenceMethods* sequence = Py_TYPE(object)->tp_as_sequence;
      for (Py_ssize_t i = 0; i < out->total && i < limit; ++i) {
        PyObject* item = sequence != nullptr && sequence->sq_item != nullptr ? sequence->sq_item(object, i) : nullptr;
        if (item == nullptr) {
          PyErr_Clear();
          break;
        }
        out->items.push_back(item);
        Py_DECREF(item);  // the deque has a reference
      }
      break;
    }
    case Shape::kDict:
    case Shape::kDefaultDict:
    case Shape::kCounter:
    case Shape::kOrderedDict:
      ReadDict(object, limit, &out->total, &out->items);
      break;
    default:
      break;
  }
  if (info.attributes && (info.shape == Shape::kObject || info.subclass)) ReadAttributes(object, info, limit, out);
}

Py_ssize_t Length(PyObject* object, Shape shape) {
  SMILEY_REQUIRES(IsContainer(shape));
  if (IsDict(shape)) return PyDict_GET_SIZE(object);
  return shape == Shape::kSet || shape == Shape::kFrozenSet ? PySet_GET_SIZE(object) : Py_SIZE(object);
}

PyObject* ReadAttribute(PyObject* object, const TypeInfo& info, const char* name) {
  Level level;
  ReadAttributes(object, info, kAttributeRoom, &level);
  for (std::size_t i = 0; i + 1 < level.attributes.size(); i += 2) {
    if (PyUnicode_Check(level.attributes[i]) && PyUnicode_CompareWithASCIIString(level.attributes[i], name) == 0) {
      return level.attributes[i + 1];
    }
  }
  return nullptr;
}

}  // namespace smiley::tracer
