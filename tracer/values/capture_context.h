// Thread rule: guarded by the GIL.
//
// The state that all threads of the process share while they capture values: the numbers of objects, the secrets, and
// which names are redacted.
#pragma once

#include <Python.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shm/redact.h"
#include "tracer/config/options.h"
#include "tracer/values/quick_value.h"
#include "tracer/values/types.h"

namespace smiley::tracer {

// Numbers of containers and objects, per process, in order of first capture. An address that is used again by another
// object of the same type keeps its number: nothing is kept alive to know better.
class ObjectIds {
 public:
  ObjectIds() { Reset(); }
  std::uint64_t Of(PyObject* object) {
    const std::uintptr_t type = reinterpret_cast<std::uintptr_t>(Py_TYPE(object)) >> 4 & kTypeMask;
    std::size_t at = Slot(object);
    while (table_[at].object != object && table_[at].object != nullptr) at = (at + 1) & (table_.size() - 1);
    Entry& entry = table_[at];
    if (entry.object != nullptr && (entry.number & kTypeMask) == type) [[likely]]
      return entry.number >> kTypeBits;
    entry.number = ++next_ << kTypeBits | type;
    if (entry.object == nullptr) {
      entry.object = object;
      if (++used_ > table_.size() / 4 * 3) Grow();
    }
    return next_;
  }
  void Reset();

 private:
  static constexpr int kTypeBits = 24;  // of the type's address; 40 bits are left for numbers
  static constexpr std::uint64_t kTypeMask = (std::uint64_t{1} << kTypeBits) - 1;
  struct Entry {
    PyObject* object = nullptr;
    std::uint64_t number = 0;
  };
  std::size_t Slot(PyObject* object) const {
    return static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(object) * 0x9e3779b97f4a7c15u >> shift_);
  }
  void Grow();
  std::vector<Entry> table_;  // open addressing; a power of two
  int shift_ = 0;
  std::size_t used_ = 0;
  std::uint64_t next_ = 0;
};

// Strings that were redacted once and are masked wherever they show up again.
class Secrets {
 public:
  static constexpr std::size_t kShortest = shm::kShortestShown;
  static constexpr std::size_t kMost = 256;
  void Add(std::string_view secret);
  bool empty() const { return secrets_.empty(); }
  std::size_t count() const { return secrets_.size(); }
  bool Contains(std::string_view text) const;  // some secret stands in it
  void Mask(std::string* text) const;          // replaces each by "***"
  void Cover(std::string* text) const;         // by as many stars: lines and columns stay

 private:
  std::vector<std::string> secrets_;
};

// What all threads of the process share while capturing; guarded by the GIL.
struct CaptureContext {
  const Options* options = nullptr;
  Types types;
  ObjectIds ids;
  Secrets secrets;
  bool RedactsName(const std::string& name);
  // Keys of dicts are made anew again and again: what they are is known by the hash that the interpreter keeps.
  bool RedactsName(PyObject* name) {
    if (options->redactor.off() || !PyUnicode_Check(name)) return false;
    const Py_hash_t hash = KeptHash(name);
    const Named& recent = recent_[static_cast<std::size_t>(hash) % kRecent];
    if (recent.hash == hash && hash != -1 && recent.length == PyUnicode_GET_LENGTH(name)) return recent.redacted;
    return MatchesText(name);
  }

 private:
  static constexpr Py_ssize_t kLongestName = 128;
  bool MatchesText(PyObject* name);
  struct Named {
    Py_hash_t hash = -1;
    Py_ssize_t length = 0;
    bool redacted = false;
  };
  static constexpr std::size_t kRecent = 512;
  Named recent_[kRecent];  // direct-mapped
  std::unordered_map<std::string, bool> redacted_names_;
};

}  // namespace smiley::tracer
