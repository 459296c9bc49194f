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

// The object numbers of the process, in order of first capture. An object of the same type at the address of a dead
// one gets the dead one's number, because the tracer keeps no object alive.
class ObjectIds {
 public:
  ObjectIds() { Reset(); }
  // The object's number, never 0. Assigns the next one at the object's first capture.
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
  // Forgets all numbers: a forked child counts from 1 again.
  void Reset();

 private:
  static constexpr int kTypeBits = 24;  // low bits of an entry: from the type's address; the other 40 are the number
  static constexpr std::uint64_t kTypeMask = (std::uint64_t{1} << kTypeBits) - 1;
  struct Entry {
    PyObject* object = nullptr;
    std::uint64_t number = 0;
  };
  std::size_t Slot(PyObject* object) const {
    return static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(object) * 0x9e3779b97f4a7c15u >> shift_);
  }
  void Grow();
  std::vector<Entry> table_;  // open addressing; the size is a power of two
  int shift_ = 0;
  std::size_t used_ = 0;
  std::uint64_t next_ = 0;
};

// The strings that were redacted once. Other values that contain them are masked.
class Secrets {
 public:
  static constexpr std::size_t kShortest = shm::kShortestShown;  // bytes; shorter strings are not remembered
  static constexpr std::size_t kMost = 256;                      // secrets; later ones are not remembered
  void Add(std::string_view secret);
  bool empty() const { return secrets_.empty(); }
  std::size_t count() const { return secrets_.size(); }
  // Whether the text contains a secret.
  bool Contains(std::string_view text) const;
  // Replaces each secret by "***".
  void Mask(std::string* text) const;
  // Replaces each secret by as many stars as it has characters, so that lines and columns stay.
  void Cover(std::string* text) const;

 private:
  std::vector<std::string> secrets_;
};

// One for the process.
struct CaptureContext {
  const Options* options = nullptr;
  Types types;
  ObjectIds ids;
  Secrets secrets;
  bool RedactsName(const std::string& name);
  // Whether values under this name are redacted. The program allocates equal keys again and again, so results are
  // cached by the hash that the interpreter keeps in the str.
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
