// Thread rule: belongs to one encoder or fingerprint, guarded by the GIL. Holds addresses, never references.
//
// The objects of one value in the order of their first occurrence. A lookup by address takes constant time, and Clear
// takes constant time, too: it starts a new generation, in which all slots of the table count as empty.
#pragma once

#include <Python.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace smiley::tracer {

class SeenObjects {
 public:
  // `most`: the number of objects that are found again. Objects beyond it always count as fresh.
  explicit SeenObjects(std::size_t most)
      : table_(std::bit_ceil(4 * (most < 16 ? std::size_t{16} : most))),
        shift_(64 - std::countr_zero(table_.size())) {}

  void Clear() {
    objects_.clear();
    if (++generation_ == 0) {  // after 2^32 values: slots of the first generation must not count as current
      for (Slot& slot : table_) slot = {};
      generation_ = 1;
    }
  }
  std::size_t size() const { return objects_.size(); }
  // Forgets all objects but the first `size`.
  void Truncate(std::size_t size) { objects_.resize(size); }

  // An object's index in the order. `fresh`: it occurred for the first time and was added at the end.
  struct Position {
    std::size_t index;
    bool fresh;
  };
  Position Add(PyObject* object) {
    const std::size_t index = objects_.size();
    const std::size_t mask = table_.size() - 1;
    std::size_t at =
        static_cast<std::size_t>((reinterpret_cast<std::uintptr_t>(object) * 0x9e3779b97f4a7c15u) >> shift_);
    std::size_t reused = table_.size();
    std::size_t looked = 0;
    for (; table_[at].generation == generation_ && looked <= mask; at = (at + 1) & mask, ++looked) {
      const std::size_t there = table_[at].index;
      if (there >= index) {  // forgotten by Truncate; its slot stays in the probe chain
        reused = at;
      } else if (objects_[there] == object) {
        return {there, false};
      }
    }
    if (reused == table_.size() && looked <= mask) reused = at;
    if (reused < table_.size()) table_[reused] = {generation_, static_cast<std::uint32_t>(index)};
    objects_.push_back(object);
    return {index, true};
  }

 private:
  struct Slot {
    std::uint32_t generation = 0, index = 0;
  };
  std::vector<Slot> table_;
  std::vector<PyObject*> objects_;
  std::uint32_t generation_ = 1;
  int shift_;
};

}  // namespace smiley::tracer
