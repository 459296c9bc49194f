// Thread rule: belongs to one traced thread's Comparer, guarded by the GIL. Holds addresses to compare, never
// references.
//
// A cache of encodings of containers and objects that are sent again and again, as an argument of many calls is. An
// encoding is reused while the first level of the object is unchanged. When the event's budget does not cover the
// parts below, the cached encoding is sent with marks that give the event at which they were read.
#pragma once

#include <Python.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

namespace smiley::tracer {

struct Picture;

struct SentValue {
  PyTypeObject* type = nullptr;  // the object's class, compared only
  std::uint64_t bits = 0;        // ValueBits of the builtin part of a subclass's instance; 0: no subclass
  std::size_t secrets = 0;       // the number of secrets when it was encoded
  std::uint64_t hash = 0;        // of the last encoding; 0: the value has no nested parts
  bool missed = false;  // its last fingerprint differed: it is encoded without one until that shows no change
  bool kept = false;    // the members below are filled: the object was sent a second time
  int uses = 0;         // times that `older` was sent since the parts were read or found unchanged
  std::shared_ptr<Picture> picture;
  std::string cbor;
  std::string older;  // `cbor` with marks of the event at which the parts were read; empty: not to be sent
};

// A set-associative cache by address, four ways. An entry that was sent only once is evicted before others.
class SentValues {
 public:
  SentValues()
      : objects_(new PyObject*[kPlaces]()),
        values_(new SentValue[kPlaces]),
        turns_(new std::uint8_t[kPlaces / kWays]()) {}
  // The entry of the object; null: not cached.
  SentValue* Find(PyObject* object) {
    const std::size_t at = SetOf(object);
    for (std::size_t way = at; way < at + kWays; ++way) {
      if (objects_[way] == object) return &values_[way];
    }
    return nullptr;
  }
  // Evicts an entry for an object that is not cached. `kept` and the members behind it still hold the evicted values.
  SentValue* Take(PyObject* object) {
    const std::size_t at = SetOf(object);
    std::uint8_t& turn = turns_[at / kWays];
    std::size_t way = at + turn++ % kWays;
    for (std::size_t i = 0; i < kWays && values_[way].kept; ++i) way = at + (way + 1) % kWays;
    objects_[way] = object;
    return &values_[way];
  }
  void Clear() { std::fill_n(objects_.get(), kPlaces, nullptr); }

 private:
  static constexpr int kBits = 9;
  static constexpr std::size_t kPlaces = std::size_t{1} << kBits, kWays = 4;
  static std::size_t SetOf(PyObject* object) {
    return static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(object) * 0x9e3779b97f4a7c15u >> (64 - kBits)) &
           ~(kWays - 1);
  }
  std::unique_ptr<PyObject*[]> objects_;
  std::unique_ptr<SentValue[]> values_;
  std::unique_ptr<std::uint8_t[]> turns_;  // for each set, a count that chooses the way to evict next
};

}  // namespace smiley::tracer
