// Thread rule: call with the GIL held; runs none of the program's code, keeps no reference.
//
// The commonest values (None, bools, small ints, floats, hashed strs), inline: their marks, comparison and CBOR.
#pragma once

#include <Python.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace smiley::tracer {

// A value as the tracer remembers it to notice a change: for immutables the address and a number of the value, for
// other objects the address with its lowest bit set, and the type.
struct Mark {
  PyObject* object = nullptr;
  std::uint64_t bits = 0;
  friend bool operator==(const Mark&, const Mark&) = default;

  // The mark of an object that has no value to compare. It includes the type, because another object may get the
  // address. The lowest bit is set, which no object's address has.
  static Mark Identity(PyObject* object) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): it is only compared.
    return {reinterpret_cast<PyObject*>(reinterpret_cast<std::uintptr_t>(object) | 1),
            reinterpret_cast<std::uintptr_t>(Py_TYPE(object))};
  }
  bool identity() const { return (reinterpret_cast<std::uintptr_t>(object) & 1) != 0; }
};

// Mixes the type into a value's number. Never 0.
inline std::uint64_t MixBits(std::uint64_t bits, PyTypeObject* type) {
  bits ^= reinterpret_cast<std::uintptr_t>(type) * 0x9e3779b97f4a7c15u;
  return bits == 0 ? 1 : bits;
}
// The identity of an object as one number.
inline std::uint64_t IdentityBits(PyObject* object) {
  return reinterpret_cast<std::uintptr_t>(object) * 0xd6e8feb86659fd93u ^
         reinterpret_cast<std::uintptr_t>(Py_TYPE(object));
}
// The number of an exact int of fewer than 62 bits.
inline std::uint64_t SmallIntBits(std::int64_t value) { return static_cast<std::uint64_t>(value) << 2 | 1; }
inline std::uint64_t IntBits(std::uint64_t magnitude, bool negative, PyTypeObject* type) {
  if (type == &PyLong_Type && magnitude >> 61 == 0) {
    return SmallIntBits(negative ? -static_cast<std::int64_t>(magnitude) : static_cast<std::int64_t>(magnitude));
  }
  return MixBits(negative ? ~magnitude * 0xff51afd7ed558ccdu : magnitude, type);
}
// As MixBits for an exact builtin, with a constant in place of the type's address.
inline std::uint64_t MixBuiltin(std::uint64_t bits, std::uint64_t builtin) {
  bits ^= builtin;
  return bits == 0 ? 1 : bits;
}
inline std::uint64_t FloatBits(double value, PyTypeObject* type) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, 8);
  bits *= 0xc2b2ae3d27d4eb4fu;
  return type == &PyFloat_Type ? MixBuiltin(bits, 0x8ebc6af09c88c6e3u) : MixBits(bits, type);
}
// REQUIRES the hash that the interpreter keeps in the str, not -1.
inline std::uint64_t HashedStrBits(PyObject* text, Py_hash_t hash) {
  const std::uint64_t bits = static_cast<std::uint64_t>(hash);
  return Py_TYPE(text) == &PyUnicode_Type ? MixBuiltin(bits, 0x589965cc75374cc3u) : MixBits(bits, Py_TYPE(text));
}
inline Py_hash_t KeptHash(PyObject* text) { return reinterpret_cast<PyASCIIObject*>(text)->hash; }

// Reads an int of one digit, as nearly all are. False: it has more. REQUIRES an int.
inline bool OneDigit(PyObject* number, std::int64_t* value) {
#if PY_VERSION_HEX >= 0x030C0000
  const PyLongObject* n = reinterpret_cast<PyLongObject*>(number);
  if (!PyUnstable_Long_IsCompact(n)) return false;
  *value = PyUnstable_Long_CompactValue(n);
  return true;
#else
  const Py_ssize_t size = Py_SIZE(number);
  if (size < -1 || size > 1) return false;
  *value = size * static_cast<std::int64_t>(reinterpret_cast<PyLongObject*>(number)->ob_digit[0]);
  return true;
#endif
}

// ValueBits of the commonest values, inline. 0: call ValueBits.
inline std::uint64_t QuickBits(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (type == &PyUnicode_Type) {
    const Py_hash_t hash = KeptHash(object);
    return hash != -1 ? HashedStrBits(object, hash) : 0;
  }
  if (type == &PyLong_Type) {
    std::int64_t value;
    return OneDigit(object, &value) ? SmallIntBits(value) : 0;
  }
  if (type == &PyFloat_Type) return FloatBits(PyFloat_AS_DOUBLE(object), type);
  const bool constant = object == Py_None || object == Py_True || object == Py_False;
  return constant ? MixBits(reinterpret_cast<std::uintptr_t>(object), type) : 0;
}

// True: the str surely equals the marked value. False: unknown, compare ValueBits. REQUIRES an exact str and the mark
// of a value.
inline bool QuickSameName(const Mark& mark, PyObject* name) {
  const Py_hash_t hash = KeptHash(name);
  return hash != -1 && mark.bits == HashedStrBits(name, hash);
}

// True: the object surely equals the marked value. False: unknown, compare ValueBits. REQUIRES the mark of a value.
inline bool QuickSame(const Mark& mark, PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (type == &PyLong_Type) {
    std::int64_t value;
    return OneDigit(object, &value) && mark.bits == SmallIntBits(value);
  }
  if (type == &PyUnicode_Type) return QuickSameName(mark, object);
  if (type == &PyFloat_Type) return mark.bits == FloatBits(PyFloat_AS_DOUBLE(object), type);
  return object == mark.object && (object == Py_None || object == Py_True || object == Py_False);
}

// As QuickSame, for the mark of a value or of an identity.
inline bool QuickSameItem(const Mark& mark, PyObject* object) {
  return mark.identity() ? mark == Mark::Identity(object) : QuickSame(mark, object);
}

// The interpreter's version of a dict, which every change of keys or values replaces and no two dicts share. 0: there
// is none (3.14 and newer, or a dict whose values an object stores).
inline std::uint64_t DictVersion(PyObject* dict) {
#if PY_VERSION_HEX < 0x030E0000
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  const PyDictObject* d = reinterpret_cast<PyDictObject*>(dict);
  return d->ma_values == nullptr ? d->ma_version_tag : 0;
#pragma GCC diagnostic pop
#else
  (void)dict;
  return 0;
#endif
}

// Mixes numbers into one. The order counts.
class Print {
 public:
  explicit Print(std::uint64_t seed = 0) : hash_(seed) {}
  void Mix(std::uint64_t bits) {
    hash_ = (hash_ ^ bits) * 0x9fb21c651e98df25u;
    hash_ ^= hash_ >> 32;
  }
  std::uint64_t value() const { return hash_ == 0 ? 1 : hash_; }

 private:
  std::uint64_t hash_;
};

struct TypeInfo;
// The number of an immutable value, of a bytearray, or of a value with a text form. 0: the object has no value to
// compare. A str whose hash the interpreter keeps gets another number than before it was hashed (TextBits). `chars`:
// the characters of a string that count; its length always counts.
std::uint64_t ValueBits(PyObject* object, const TypeInfo& info, Py_ssize_t chars);
// ValueBits, without the call for a str whose hash the interpreter keeps.
inline std::uint64_t NameBits(PyObject* name, const TypeInfo& info, Py_ssize_t chars) {
  const Py_hash_t hash = Py_TYPE(name) == &PyUnicode_Type ? KeptHash(name) : -1;
  return hash != -1 ? HashedStrBits(name, hash) : ValueBits(name, info, chars);
}
// The number of an int. REQUIRES an int or an instance of a subclass.
std::uint64_t IntegerBits(PyObject* number);
// The number of a value with a text form, mixed from the fields that make up the text. Enum members and
// singletons give their identity, functions their name, classes and modules name and identity. REQUIRES IsText.
std::uint64_t FormBits(PyObject* object, const TypeInfo& info);
// The number of a str's characters, whether or not the interpreter keeps its hash. REQUIRES a str.
std::uint64_t TextBits(PyObject* text, Py_ssize_t chars);

// CBOR of at most 16 bytes in two words. The first byte is the lowest of the first word; unused bytes are zero.
struct QuickCbor {
  std::uint64_t words[2] = {0, 0};
  std::size_t size = 0;  // bytes; 0: not such a value, use the encoder
  std::string_view view() const { return {reinterpret_cast<const char*>(words), size}; }

  // Encodes None, a bool, a small int or a float.
  explicit QuickCbor(PyObject* object) {
    constexpr std::uint64_t kFalse = 0xf4, kTrue = 0xf5, kNone = 0xf6, kFloat = 0xfb;
    if (Py_TYPE(object) == &PyLong_Type) {
      std::int64_t value;
      if (OneDigit(object, &value)) SetInt(value);
    } else if (Py_TYPE(object) == &PyFloat_Type) {
      std::uint64_t bits;
      const double value = PyFloat_AS_DOUBLE(object);
      std::memcpy(&bits, &value, 8);
      bits = __builtin_bswap64(bits);
      words[0] = kFloat | bits << 8;
      words[1] = bits >> 56;
      size = 9;
    } else if (object == Py_None) {
      Set(kNone, 1);
    } else if (object == Py_True || object == Py_False) {
      Set(object == Py_True ? kTrue : kFalse, 1);
    }
  }

 private:
  void Set(std::uint64_t word, std::size_t bytes) {
    words[0] = word;
    size = bytes;
  }
  void SetInt(std::int64_t value) {
    const std::uint64_t major = value < 0 ? 0x20 : 0x00;
    const std::uint64_t number = value < 0 ? ~static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    if (number < 24) return Set(major | number, 1);
    if (number < 0x100) return Set(major | 24 | number << 8, 2);
    if (number < 0x10000)
      return Set(major | 25 | std::uint64_t{__builtin_bswap16(static_cast<std::uint16_t>(number))} << 8, 3);
    Set(major | 26 | std::uint64_t{__builtin_bswap32(static_cast<std::uint32_t>(number))} << 8,
        5);  // a digit has 30 bits
  }
};

}  // namespace smiley::tracer
