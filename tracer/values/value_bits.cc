// The functions of quick_value.h for values that are not the commonest.
#include "tracer/values/quick_value.h"

// Inlined, because the tracer loads no further library into the traced program.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "shm/base/requires.h"
#include "tracer/interp/interp.h"
#include "tracer/values/types.h"

namespace smiley::tracer {
namespace {

// A hash of `size` bytes and of the value's whole length. There is no seed: above 240 bytes it costs as much as the
// hash. Up to kLong bytes are hashed in pieces, because XXH3's way above 240 bytes is faster for thousands only.
std::uint64_t Hash(const void* data, std::size_t size, Py_ssize_t length) {
  constexpr std::size_t kPiece = 128, kLong = 1024;
  std::uint64_t hash = static_cast<std::uint64_t>(length) * 0x9e3779b97f4a7c15u;
  if (size <= 240 || size > kLong) return XXH3_64bits(data, size) ^ hash;
  Print pieces(hash);
  for (std::size_t at = 0; at < size; at += kPiece) {
    pieces.Mix(XXH3_64bits(static_cast<const char*>(data) + at, size - at < kPiece ? size - at : kPiece));
  }
  return pieces.value();
}

}  // namespace

std::uint64_t TextBits(PyObject* text, Py_ssize_t chars) {
  SMILEY_REQUIRES(PyUnicode_Check(text));
  const Py_ssize_t length = PyUnicode_GET_LENGTH(text);
  const Py_ssize_t take = length < chars ? length : chars;
  const int kind = PyUnicode_KIND(text);
  return MixBits(Hash(PyUnicode_DATA(text), static_cast<std::size_t>(take) * static_cast<std::size_t>(kind), length),
                 Py_TYPE(text));
}

std::uint64_t IntegerBits(PyObject* number) {
  SMILEY_REQUIRES(PyLong_Check(number));
  std::uint64_t magnitude;
  int negative;
  if (smiley_small_int(number, &magnitude, &negative)) return IntBits(magnitude, negative != 0, Py_TYPE(number));
  std::size_t bytes;
  const void* digits = smiley_int_digits(number, &bytes);
  return MixBits(XXH3_64bits_withSeed(digits, bytes, static_cast<std::uint64_t>(negative)), Py_TYPE(number));
}

std::uint64_t ValueBits(PyObject* object, const TypeInfo& info, Py_ssize_t chars) {
  PyTypeObject* type = Py_TYPE(object);
  switch (info.shape) {
    case Shape::kInt:
      return IntegerBits(object);
    case Shape::kFloat:
      return FloatBits(PyFloat_AS_DOUBLE(object), type);
    case Shape::kStr: {
      const Py_hash_t hash = KeptHash(object);
      return hash != -1 ? HashedStrBits(object, hash) : TextBits(object, chars);
    }
    case Shape::kBytes:
    case Shape::kByteArray: {
      const Py_ssize_t length = Py_SIZE(object);
      const Py_ssize_t take = length < chars ? length : chars;
      const char* data = info.shape == Shape::kBytes ? PyBytes_AS_STRING(object) : PyByteArray_AS_STRING(object);
      return MixBits(Hash(data, static_cast<std::size_t>(take), length), type);
    }
    case Shape::kComplex: {
      const Py_complex c = reinterpret_cast<PyComplexObject*>(object)->cval;
      return MixBits(XXH3_64bits(&c, sizeof c), type);
    }
    case Shape::kNone:
    case Shape::kBool:
      return MixBits(reinterpret_cast<std::uintptr_t>(object), type);
    default:
      return IsText(info.shape) ? FormBits(object, info) : 0;
  }
}

}  // namespace smiley::tracer
