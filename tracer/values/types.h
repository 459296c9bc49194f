// Thread rule: call with the GIL held. Never runs the program's code; keeps no reference.
//
// Classifies objects by their C layout: a builtin exactly, a subclass by its builtin base, any other object by its
// attributes. Classes are cached.
#pragma once

#include <Python.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace smiley::tracer {

enum class Shape : std::uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kComplex,
  kStr,
  kBytes,
  kByteArray,
  // first-level containers
  kList,
  kTuple,
  kSet,
  kFrozenSet,
  kDeque,
  kDict,
  kDefaultDict,
  kCounter,
  kOrderedDict,
  // written as a text
  kRange,
  kSlice,
  kEnum,
  kDateTime,
  kDate,
  kTime,
  kTimeDelta,
  kTimeZone,
  kDecimal,
  kFraction,
  kUuid,
  kPath,
  kFunction,
  kBuiltin,
  kMethod,
  kClass,
  kModule,
  kEllipsis,
  kNotImplemented,
  kNdArray,
  kException,
  kObject,  // attributes in __dict__ and __slots__
  kOpaque,  // type and id only
};

constexpr bool IsScalar(Shape s) { return s <= Shape::kBytes; }
constexpr bool IsContainer(Shape s) { return s >= Shape::kList && s <= Shape::kOrderedDict; }
constexpr bool IsText(Shape s) { return s >= Shape::kRange && s <= Shape::kNdArray; }
constexpr bool IsDict(Shape s) { return s >= Shape::kDict && s <= Shape::kOrderedDict; }

struct TypeInfo {
  Shape shape = Shape::kOpaque;
  bool subclass = false;       // of the builtin that `shape` names; instances may have attributes, too
  bool attributes = false;     // instances have __dict__ or __slots__
  Py_ssize_t dict_offset = 0;  // bytes to a __dict__ that is a plain pointer (below 0: from the end); 0: none
  std::string name;            // module.Qualname (builtins without module)
  std::vector<std::pair<PyObject*, Py_ssize_t>> slots;  // name (borrowed from the type), offset
  std::vector<std::string> fields;                      // a named tuple's
  // The class's fields when it was classified. They detect another class at the address of a dead one.
  const char* seen_name = nullptr;
  destructor seen_dealloc = nullptr;
  PyTypeObject* seen_base = nullptr;
  PyObject *seen_mro = nullptr, *seen_slots = nullptr;
  Py_ssize_t seen_size = 0;
  unsigned long seen_flags = 0;
  // The flags that decide the layout of instances: bits 24 to 31 name the builtin base; the others say whether a
  // class statement created the type and where its instances keep __dict__.
  static constexpr unsigned long kLayoutFlags = 0xfful << 24 | Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_MANAGED_DICT;
  static PyObject* SlotsOf(PyTypeObject* type) {
    return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0 ? reinterpret_cast<PyHeapTypeObject*>(type)->ht_slots
                                                       : nullptr;
  }
  bool IsOf(PyTypeObject* type) const {
    return seen_name == type->tp_name && seen_dealloc == type->tp_dealloc && seen_base == type->tp_base &&
           seen_size == type->tp_basicsize && seen_flags == (type->tp_flags & kLayoutFlags) &&
           seen_mro == type->tp_mro && seen_slots == SlotsOf(type);
  }
  void See(PyTypeObject* type) {
    seen_name = type->tp_name;
    seen_dealloc = type->tp_dealloc;
    seen_base = type->tp_base;
    seen_size = type->tp_basicsize;
    seen_flags = type->tp_flags & kLayoutFlags;
    seen_mro = type->tp_mro;
    seen_slots = SlotsOf(type);
  }
};

class Types {
 public:
  Types();
  // Looks up the commonest builtins first, then a small direct-mapped table, then the map.
  const TypeInfo& Of(PyTypeObject* type) {
    if (type == &PyLong_Type) return int_;
    if (type == &PyUnicode_Type) return str_;
    if (type == &PyFloat_Type) return float_;
    const Recent& recent = recent_[(reinterpret_cast<std::uintptr_t>(type) >> 4) % kRecent];
    if (recent.type == type && (recent.lasts || recent.info->IsOf(type))) return *recent.info;
    return Find(type);
  }
  const TypeInfo& OfObject(PyObject* object) { return Of(Py_TYPE(object)); }
  // module.Qualname, without "builtins.". Read from the type's own dict, never through attribute access.
  static std::string NameOf(PyTypeObject* type);

 private:
  static constexpr std::size_t kRecent = 256;
  struct Recent {
    PyTypeObject* type = nullptr;
    const TypeInfo* info = nullptr;
    bool lasts = false;  // a static type: it never dies, so no other class can have its address
  };
  TypeInfo Classify(PyTypeObject* type);
  const TypeInfo& Find(PyTypeObject* type);
  TypeInfo int_, str_, float_;
  Recent recent_[kRecent];
  std::unordered_map<PyTypeObject*, TypeInfo> cache_;
};

// Appends the first `chars` characters of a str as UTF-8, surrogates included (*surrogates is then set). Returns the
// number of characters left out.
Py_ssize_t AppendUtf8(std::string* out, PyObject* text, Py_ssize_t chars, bool* surrogates);
// The whole str as UTF-8. REQUIRES PyUnicode_Check(text).
std::string Utf8(PyObject* text);

}  // namespace smiley::tracer
