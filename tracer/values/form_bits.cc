// FormBits: a number of all fields of a text form. It distinguishes a new value from a dead one at the same address.
#include <Python.h>
// datetime.h needs Python.h before it.
#include <datetime.h>

// Inlined, because the tracer loads no further library into the traced program.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tracer/values/level.h"
#include "tracer/values/quick_value.h"
#include "tracer/values/text_forms.h"

namespace smiley::tracer {
namespace {

// The number of a part: of its value where that is simple, else of its identity; 0 for null.
std::uint64_t Part(PyObject* part) {
  if (part == nullptr) return 0;
  if (const std::uint64_t quick = QuickBits(part)) return quick;
  if (PyUnicode_CheckExact(part)) return TextBits(part, PY_SSIZE_T_MAX);
  if (PyLong_CheckExact(part)) return IntegerBits(part);
  return IdentityBits(part);
}

template <typename... Numbers>
std::uint64_t Parts(PyTypeObject* type, Numbers... numbers) {
  Print print(reinterpret_cast<std::uintptr_t>(type));
  (print.Mix(numbers), ...);
  return print.value();
}

std::uint64_t TextOf(PyTypeObject* type, const std::string& text) {
  return Parts(type, XXH3_64bits(text.data(), text.size()));
}

std::uint64_t DeltaBits(PyObject* delta) {
  return Parts(Py_TYPE(delta), static_cast<std::uint64_t>(PyDateTime_DELTA_GET_DAYS(delta)),
               static_cast<std::uint64_t>(PyDateTime_DELTA_GET_SECONDS(delta)),
               static_cast<std::uint64_t>(PyDateTime_DELTA_GET_MICROSECONDS(delta)));
}

// The number of a time zone; 0 for None. REQUIRES a time zone or None.
std::uint64_t Zone(PyObject* zone) {
  if (zone == Py_None) return 0;
  if (!IsFixedZone(zone)) return reinterpret_cast<std::uintptr_t>(Py_TYPE(zone));
  const FixedZone* fixed = reinterpret_cast<FixedZone*>(zone);
  return Parts(Py_TYPE(zone), DeltaBits(fixed->offset), Part(fixed->name));
}

std::uint64_t DateTimeBits(PyObject* object, Shape shape) {
  Print print(reinterpret_cast<std::uintptr_t>(Py_TYPE(object)));
  const auto mix = [&print](const unsigned char* data, std::size_t size) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < size; ++i) word = word << 8 | data[i];
    print.Mix(word);
  };
  if (shape == Shape::kDate) {
    mix(reinterpret_cast<PyDateTime_Date*>(object)->data, _PyDateTime_DATE_DATASIZE);
  } else if (shape == Shape::kTime) {
    mix(reinterpret_cast<PyDateTime_Time*>(object)->data, _PyDateTime_TIME_DATASIZE);
    print.Mix(Zone(PyDateTime_TIME_GET_TZINFO(object)));
  } else {
    const unsigned char* data = reinterpret_cast<PyDateTime_DateTime*>(object)->data;
    mix(data, 4);
    mix(data + 4, _PyDateTime_DATETIME_DATASIZE - 4);
    print.Mix(Zone(PyDateTime_DATE_GET_TZINFO(object)));
  }
  return print.value();
}

// The first fields of the C Decimal and of libmpdec's number in it. They are the same from 3.11 to 3.15.
struct DecimalFields {
  PyObject_HEAD Py_hash_t hash;
  std::uint8_t flags;
  Py_ssize_t exponent, digits, words, allocated;
  const std::uint64_t* data;
  std::uint64_t inline_data[4];
};

// Mixes the digits if they are in the object itself, else the text.
std::uint64_t DecimalBits(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  const DecimalFields* d = reinterpret_cast<DecimalFields*>(object);
  if (type->tp_basicsize != sizeof(DecimalFields) || d->data != d->inline_data || d->words < 0 || d->words > 4) {
    return TextOf(type, StrOf(object));
  }
  Print print(reinterpret_cast<std::uintptr_t>(type));
  print.Mix(d->flags & 0x0f);  // sign, infinity and NaN; the other bits describe the memory
  print.Mix(static_cast<std::uint64_t>(d->exponent));
  for (Py_ssize_t i = 0; i < d->words; ++i) print.Mix(d->data[i]);
  return print.value();
}

std::uint64_t FunctionBits(PyObject* object) {
  const PyFunctionObject* f = reinterpret_cast<PyFunctionObject*>(object);
  return Parts(Py_TYPE(object), Part(f->func_module), Part(f->func_qualname));
}

std::uint64_t BuiltinBits(PyObject* object) {
  const PyCFunctionObject* f = reinterpret_cast<PyCFunctionObject*>(object);
  PyObject* self = f->m_self;
  PyObject* owner = self == nullptr || PyType_Check(self) ? self : reinterpret_cast<PyObject*>(Py_TYPE(self));
  return Parts(Py_TYPE(object), reinterpret_cast<std::uintptr_t>(f->m_ml), reinterpret_cast<std::uintptr_t>(owner),
               Part(f->m_module));
}

std::uint64_t ClassBits(PyObject* object) {
  const PyTypeObject* type = reinterpret_cast<PyTypeObject*>(object);
  const bool heap = (type->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0;
  return Parts(Py_TYPE(object), IdentityBits(object),
               heap ? Part(reinterpret_cast<PyHeapTypeObject*>(object)->ht_qualname) : 0);
}

std::uint64_t ModuleBits(PyObject* object) {
  PyObject* name = PyModule_GetNameObject(object);
  if (name == nullptr) PyErr_Clear();
  const std::uint64_t bits = Parts(Py_TYPE(object), IdentityBits(object), Part(name));
  Py_XDECREF(name);
  return bits;
}

std::uint64_t ArrayBits(PyObject* object) {
  const NdArrayHead* array = reinterpret_cast<NdArrayHead*>(object);
  Print print(reinterpret_cast<std::uintptr_t>(Py_TYPE(object)));
  for (int i = 0; i < array->nd && i < 64; ++i) print.Mix(static_cast<std::uint64_t>(array->dimensions[i]));
  if (array->descr != nullptr)
    print.Mix(reinterpret_cast<std::uintptr_t>(reinterpret_cast<NdDescrHead*>(array->descr)->typeobj));
  return print.value();
}

std::uint64_t PathBits(PyObject* object, const TypeInfo& info) {
  Print print(reinterpret_cast<std::uintptr_t>(Py_TYPE(object)));
  for (const char* name : {"_raw_paths", "_parts"}) {
    PyObject* parts = ReadAttribute(object, info, name);
    if (parts == nullptr || !PyList_CheckExact(parts)) continue;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); ++i) print.Mix(Part(PyList_GET_ITEM(parts, i)));
    return print.value();
  }
  return IdentityBits(object);
}

}  // namespace

std::uint64_t FormBits(PyObject* object, const TypeInfo& info) {
  PyTypeObject* type = Py_TYPE(object);
  switch (info.shape) {
    case Shape::kRange: {
      const RangeFields* range = reinterpret_cast<RangeFields*>(object);
      return Parts(type, Part(range->start), Part(range->stop), Part(range->step));
    }
    case Shape::kSlice: {
      const PySliceObject* slice = reinterpret_cast<PySliceObject*>(object);
      return Parts(type, Part(slice->start), Part(slice->stop), Part(slice->step));
    }
    case Shape::kDateTime:
    case Shape::kDate:
    case Shape::kTime:
      return DateTimeBits(object, info.shape);
    case Shape::kTimeDelta:
      return DeltaBits(object);
    case Shape::kTimeZone:
      return Zone(object);
    case Shape::kDecimal:
      return DecimalBits(object);
    case Shape::kFraction:
      return Parts(type, Part(ReadAttribute(object, info, "_numerator")),
                   Part(ReadAttribute(object, info, "_denominator")));
    case Shape::kUuid:
      return Parts(type, Part(ReadAttribute(object, info, "int")));
    case Shape::kPath:
      return PathBits(object, info);
    case Shape::kFunction:
      return FunctionBits(object);
    case Shape::kBuiltin:
      return BuiltinBits(object);
    case Shape::kMethod: {
      PyObject* function = PyMethod_GET_FUNCTION(object);
      return Parts(type, PyFunction_Check(function) ? FunctionBits(function)
                                                    : reinterpret_cast<std::uintptr_t>(Py_TYPE(function)));
    }
    case Shape::kClass:
      return ClassBits(object);
    case Shape::kModule:
      return ModuleBits(object);
    case Shape::kNdArray:
      return ArrayBits(object);
    default:
      return IdentityBits(object);  // members of enums, and singletons
  }
}

}  // namespace smiley::tracer
