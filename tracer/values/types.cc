#include "tracer/values/types.h"

#include <structmember.h>

#include <cstring>

#include "shm/base/requires.h"
#include "tracer/interp/interp.h"

namespace smiley::tracer {
namespace {

// Calls `use` with the entry of that name in the type's own dict. Without such an entry nothing is called.
template <typename Use>
void WithOwn(PyTypeObject* type, const char* name, Use use) {
  PyObject* dict = type->tp_dict;
#if PY_VERSION_HEX >= 0x030C0000
  // Static builtin types keep their dict per interpreter.
  PyObject* owned = dict == nullptr ? PyType_GetDict(type) : nullptr;
  if (dict == nullptr) dict = owned;
#endif
  if (dict != nullptr) {
    PyObject* key = PyUnicode_InternFromString(name);
    if (key != nullptr) {
      if (PyObject* value = smiley_dict_lookup(dict, key)) use(value);
      Py_DECREF(key);
    } else {
      PyErr_Clear();
    }
  }
#if PY_VERSION_HEX >= 0x030C0000
  Py_XDECREF(owned);
#endif
}

// A str attribute in the type's own dict, or empty.
std::string OwnText(PyTypeObject* type, const char* name) {
  std::string text;
  WithOwn(type, name, [&text](PyObject* value) {
    if (PyUnicode_Check(value)) text = Utf8(value);
  });
  return text;
}

struct NamedClass {
  const char* name;
  Shape shape;
};
// Classes that are recognised by their full name. For classes written in Python, the code that reads them checks
// their fields, too.
constexpr NamedClass kNamedClasses[] = {
    {"collections.deque", Shape::kDeque},     {"collections.defaultdict", Shape::kDefaultDict},
    {"collections.Counter", Shape::kCounter}, {"collections.OrderedDict", Shape::kOrderedDict},
    {"datetime.datetime", Shape::kDateTime},  {"datetime.date", Shape::kDate},
    {"datetime.time", Shape::kTime},          {"datetime.timedelta", Shape::kTimeDelta},
    {"datetime.timezone", Shape::kTimeZone},  {"decimal.Decimal", Shape::kDecimal},
    {"fractions.Fraction", Shape::kFraction}, {"uuid.UUID", Shape::kUuid},
    {"numpy.ndarray", Shape::kNdArray},
};

bool IsStatic(PyTypeObject* type) { return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE); }

// Whether the type is written in C, so that its layout and text function may be used. A class of the same name
// written in Python is a mutable heap type.
bool IsC(PyTypeObject* type) { return IsStatic(type) || (type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE); }

Shape ExactShape(PyTypeObject* type, const std::string& name) {
  if (type == Py_TYPE(Py_None)) return Shape::kNone;
  if (type == &PyBool_Type) return Shape::kBool;
  if (type == &PyLong_Type) return Shape::kInt;
  if (type == &PyFloat_Type) return Shape::kFloat;
  if (type == &PyComplex_Type) return Shape::kComplex;
  if (type == &PyUnicode_Type) return Shape::kStr;
  if (type == &PyBytes_Type) return Shape::kBytes;
  if (type == &PyByteArray_Type) return Shape::kByteArray;
  if (type == &PyList_Type) return Shape::kList;
  if (type == &PyTuple_Type) return Shape::kTuple;
  if (type == &PyDict_Type) return Shape::kDict;
  if (type == &PySet_Type) return Shape::kSet;
  if (type == &PyFrozenSet_Type) return Shape::kFrozenSet;
  if (type == &PyODict_Type) return Shape::kOrderedDict;
  if (type == &PyRange_Type) return Shape::kRange;
  if (type == &PySlice_Type) return Shape::kSlice;
  if (type == &PyFunction_Type) return Shape::kFunction;
  if (type == &PyCFunction_Type || type == &PyCMethod_Type) return Shape::kBuiltin;
  if (type == &PyMethod_Type) return Shape::kMethod;
  if (type == &PyModule_Type) return Shape::kModule;
  if (type == &PyEllipsis_Type) return Shape::kEllipsis;
  if (type == Py_TYPE(Py_NotImplemented)) return Shape::kNotImplemented;
  for (const NamedClass& known : kNamedClasses) {
    if (name != known.name) continue;
    switch (known.shape) {
      case Shape::kCounter:
        return PyType_IsSubtype(type, &PyDict_Type) ? known.shape : Shape::kOpaque;
      case Shape::kDefaultDict:
        return IsC(type) && PyType_IsSubtype(type, &PyDict_Type) ? known.shape : Shape::kOpaque;
      case Shape::kFraction:
      case Shape::kUuid:
        return known.shape;
      default:
        return IsC(type) ? known.shape : Shape::kOpaque;
    }
  }
  return Shape::kOpaque;
}

bool IsEnumClass(PyTypeObject* type) {
  PyTypeObject* meta = Py_TYPE(type);
  if (meta == &PyType_Type) return false;
  for (PyTypeObject* t = meta; t != nullptr && t != &PyType_Type; t = t->tp_base) {
    const std::string name = Types::NameOf(t);
    if (name == "enum.EnumType" || name == "enum.EnumMeta") return true;
  }
  return false;
}

Shape BaseShape(PyTypeObject* type) {
  const unsigned long flags = type->tp_flags;
  if (flags & Py_TPFLAGS_BASE_EXC_SUBCLASS) return Shape::kException;
  if (flags & Py_TPFLAGS_TYPE_SUBCLASS) return Shape::kClass;
  if (flags & Py_TPFLAGS_LONG_SUBCLASS) return Shape::kInt;
  if (flags & Py_TPFLAGS_LIST_SUBCLASS) return Shape::kList;
  if (flags & Py_TPFLAGS_TUPLE_SUBCLASS) return Shape::kTuple;
  if (flags & Py_TPFLAGS_BYTES_SUBCLASS) return Shape::kBytes;
  if (flags & Py_TPFLAGS_UNICODE_SUBCLASS) return Shape::kStr;
  if (flags & Py_TPFLAGS_DICT_SUBCLASS) {
    for (PyTypeObject* t = type->tp_base; t != nullptr && t != &PyDict_Type; t = t->tp_base) {
      const Shape shape = ExactShape(t, Types::NameOf(t));
      if (shape != Shape::kOpaque) return shape;
    }
    return Shape::kDict;
  }
  if (PyType_IsSubtype(type, &PyFloat_Type)) return Shape::kFloat;
  if (PyType_IsSubtype(type, &PySet_Type)) return Shape::kSet;
  if (PyType_IsSubtype(type, &PyFrozenSet_Type)) return Shape::kFrozenSet;
  if (PyType_IsSubtype(type, &PyByteArray_Type)) return Shape::kByteArray;
  if (PyType_IsSubtype(type, &PyComplex_Type)) return Shape::kComplex;
  for (PyTypeObject* t = type->tp_base; t != nullptr; t = t->tp_base) {
    const std::string name = Types::NameOf(t);
    if (name == "pathlib.PurePath" || name == "pathlib._local.PurePath") return Shape::kPath;
  }
  return Shape::kOpaque;
}

void FindFields(PyTypeObject* type, TypeInfo* info) {
  for (PyTypeObject* t = type; t != nullptr && t != &PyTuple_Type && info->fields.empty(); t = t->tp_base) {
    WithOwn(t, "_fields", [info](PyObject* fields) {
      if (!PyTuple_CheckExact(fields)) return;
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(fields); ++i) {
        PyObject* name = PyTuple_GET_ITEM(fields, i);
        info->fields.push_back(PyUnicode_Check(name) ? Utf8(name) : std::string());
      }
    });
  }
}

void FindSlots(PyTypeObject* type, TypeInfo* info) {
  for (PyTypeObject* t = type; t != nullptr && (t->tp_flags & Py_TPFLAGS_HEAPTYPE); t = t->tp_base) {
    PyHeapTypeObject* heap = reinterpret_cast<PyHeapTypeObject*>(t);
    if (heap->ht_slots == nullptr || !PyTuple_Check(heap->ht_slots)) continue;
    // The member descriptions follow the heap type in memory, one for each slot.
    const Py_ssize_t count = Py_SIZE(t);
    const PyMemberDef* members =
        reinterpret_cast<const PyMemberDef*>(reinterpret_cast<char*>(t) + Py_TYPE(t)->tp_basicsize);
    for (Py_ssize_t i = 0; i < count && i < PyTuple_GET_SIZE(heap->ht_slots); ++i) {
      PyObject* name = PyTuple_GET_ITEM(heap->ht_slots, i);
      if (PyUnicode_Check(name) && members[i].offset > 0 && members[i].offset < t->tp_basicsize) {
        info->slots.emplace_back(name, members[i].offset);
      }
    }
  }
}

}  // namespace

std::string Utf8(PyObject* text) {
  SMILEY_REQUIRES(PyUnicode_Check(text));
  std::string out;
  bool surrogates = false;
  AppendUtf8(&out, text, PyUnicode_GET_LENGTH(text), &surrogates);
  return out;
}

Py_ssize_t AppendUtf8(std::string* out, PyObject* text, Py_ssize_t chars, bool* surrogates) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(text);
  const Py_ssize_t take = length < chars ? length : chars;
  if (PyUnicode_IS_ASCII(text)) {
    out->append(reinterpret_cast<const char*>(PyUnicode_DATA(text)), static_cast<std::size_t>(take));
    return length - take;
  }
  const int kind = PyUnicode_KIND(text);
  const void* data = PyUnicode_DATA(text);
  for (Py_ssize_t i = 0; i < take; ++i) {
    const Py_UCS4 c = PyUnicode_READ(kind, data, i);
    if (c < 0x80) {
      out->push_back(static_cast<char>(c));
    } else if (c < 0x800) {
      out->push_back(static_cast<char>(0xc0 | (c >> 6)));
      out->push_back(static_cast<char>(0x80 | (c & 63)));
    } else if (c < 0x10000) {
      if (c >= 0xd800 && c < 0xe000) *surrogates = true;
      out->push_back(static_cast<char>(0xe0 | (c >> 12)));
      out->push_back(static_cast<char>(0x80 | ((c >> 6) & 63)));
      out->push_back(static_cast<char>(0x80 | (c & 63)));
    } else {
      out->push_back(static_cast<char>(0xf0 | (c >> 18)));
      out->push_back(static_cast<char>(0x80 | ((c >> 12) & 63)));
      out->push_back(static_cast<char>(0x80 | ((c >> 6) & 63)));
      out->push_back(static_cast<char>(0x80 | (c & 63)));
    }
  }
  return length - take;
}

std::string Types::NameOf(PyTypeObject* type) {
  if (IsStatic(type)) {
    std::string_view name = type->tp_name;
    return std::string(name);
  }
  PyHeapTypeObject* heap = reinterpret_cast<PyHeapTypeObject*>(type);
  std::string module = OwnText(type, "__module__");
  std::string qualname = heap->ht_qualname != nullptr && PyUnicode_Check(heap->ht_qualname)
                             ? Utf8(heap->ht_qualname)
                             : std::string(type->tp_name);
  if (module.empty() || module == "builtins") {
    // C heap types carry their module in tp_name.
    const char* dot = std::strrchr(type->tp_name, '.');
    if (module.empty() && dot != nullptr) return type->tp_name;
    return qualname;
  }
  return module + "." + qualname;
}

Types::Types() {
  int_.shape = Shape::kInt;
  int_.name = "int";
  str_.shape = Shape::kStr;
  str_.name = "str";
  float_.shape = Shape::kFloat;
  float_.name = "float";
}

const TypeInfo& Types::Find(PyTypeObject* type) {
  auto [it, fresh] = cache_.try_emplace(type);
  TypeInfo& info = it->second;
  if (fresh || !info.IsOf(type)) info = Classify(type);
  recent_[(reinterpret_cast<std::uintptr_t>(type) >> 4) % kRecent] = {type, &info,
                                                                      (type->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0};
  return info;
}

TypeInfo Types::Classify(PyTypeObject* type) {
  TypeInfo info;
  info.See(type);
  info.name = NameOf(type);
  info.shape = ExactShape(type, info.name);
  if (!(type->tp_flags & Py_TPFLAGS_MANAGED_DICT) && type->tp_dictoffset != -1) {
    info.dict_offset = type->tp_dictoffset;  // below 0: bytes before the end of a variable-size object
  }
  if (info.shape == Shape::kOpaque || info.shape == Shape::kCounter) {
    if (IsEnumClass(type)) {
      info.shape = Shape::kEnum;
      return info;
    }
    const Shape base = info.shape == Shape::kCounter ? Shape::kCounter : BaseShape(type);
    if (base != Shape::kOpaque) {
      info.shape = base;
      info.subclass = info.name != "collections.Counter" && base != Shape::kException && base != Shape::kClass &&
                      base != Shape::kPath;
    }
  }
  info.attributes = (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) != 0 || info.dict_offset != 0;
  FindSlots(type, &info);
  if (info.subclass && info.shape == Shape::kTuple) FindFields(type, &info);
  if (!info.slots.empty()) info.attributes = true;
  if (info.shape == Shape::kOpaque && (type->tp_flags & Py_TPFLAGS_HEAPTYPE) && info.attributes) {
    info.shape = Shape::kObject;
  }
  return info;
}

}  // namespace smiley::tracer
