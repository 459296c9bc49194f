// Thread rule: belongs to one traced thread's Comparer, guarded by the GIL. Holds addresses to compare, never
// references.
//
// A container or object that is sent again and again (an argument of many calls): what it was encoded to last, for as
// long as the first level says that this still holds. What has more below it than the event may look at is sent as it
// was read then, and says so.
#pragma once

#include <Python.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

namespace smiley::tracer {

struct Picture;

struct SentValue {
  PyTypeObject* type = nullptr;
  std::uint64_t bits = 0;   // of the builtin part
  std::size_t secrets = 0;  // how many were masked
  std::uint64_t hash = 0;   // of a nested one's encoding, the last time
  bool missed = false;      // its last fingerprint was another one: it is encoded at once until that shows no change
  bool kept = false;        // what follows is filled: it came a second time
  int uses = 0;             // of `older` since it was read or seen to be as it was
  std::shared_ptr<Picture> picture;
  std::string cbor;
  std::string older;  // the same with marks that say when it was read; empty: is not to be used
};

// By address; each has four places that it may have, and takes that of one that came only once before it takes
// another's.
class SentValues {
 public:
  SentValues()
      : objects_(new PyObject*[kPlaces]()),
        values_(new SentValue[kPlaces]),
        turns_(new std::uint8_t[kPlaces / kWays]()) {}
  // Null: not among them.
  SentValue* Find(PyObject* object) {
    const std::size_t at = SetOf(object);
    for (std::size_t way = at; way < at + kWays; ++way) {
      if (objects_[way] == object) return &values_[way];
    }
    return nullptr;
  }
  // A place for one that is not among them; `kept` and what follows are another's.
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
  std::unique_ptr<std::uint8_t[]> turns_;  // of each four, whose place is taken next
};

}  // namespace smiley::tracer
