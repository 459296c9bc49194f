// Thread rule: call with the GIL held; one Encoder per traced thread. Never runs the program's code, keeps no
// reference.
//
// Objects to CBOR (shm/FORMAT.md, "Values"), within the capture limits.
#pragma once

#include <Python.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shm/cbor.h"
#include "shm/forms.h"
#include "tracer/config/options.h"
#include "tracer/values/level.h"
#include "tracer/values/quick_value.h"
#include "tracer/values/seen.h"
#include "tracer/values/types.h"

namespace smiley::tracer {

using enum shm::Form;

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

class Encoder {
 public:
  explicit Encoder(CaptureContext* context);
  // The value as one CBOR item; valid until the next call. `nested` (may be null): set when parts below the first
  // level may change without the first level showing it.
  std::string_view Value(PyObject* object, bool* nested = nullptr);
  // Likewise. REQUIRES the shape of a scalar, and no subclass of it.
  std::string_view Plain(PyObject* object, Shape shape) {
    shm::CborWriter out(room_.get(), room_size_);
    Scalar(object, shape, &out);
    return out.view();
  }
  // For patches: the same, within what is left of the limits, appended to a growing array.
  bool Append(PyObject* object, shm::CborWriter* out);
  // [type, message] of an exception, from its args as the builtin str() gives it; valid until the next call of that
  // or Value.
  std::string_view Exception(PyObject* exception);
  // The latest Value again, its parts below the first level marked as read at that event of this thread (FORMAT.md,
  // tag 7). False: the marks cannot be set, for it was cut to fit.
  bool Older(std::string_view value, std::uint64_t seq, std::string* out) const;
  // Nodes that were looked at for the latest Value or Append, those that did not fit included.
  int nodes_looked_at() const { return looked_at_; }
  // Of the latest Value, what Fingerprint::Of says of it; 0: not known, or cannot be said.
  std::uint64_t print() const { return whole_ && printed_ ? print_.value() : 0; }
  std::string_view Redacted();
  // Takes note of what a redacted value was, so that it is masked elsewhere.
  void Hide(PyObject* object);

 private:
  void Item(PyObject* object, int depth, shm::CborWriter* out);
  // One that stands in the first level, and may have parts of its own.
  void Part(PyObject* object, int depth, shm::CborWriter* out) {
    const std::size_t at = out->size();
    Item(object, depth, out);
    if (depth == 1 && out->size() > at && out->data()[at] == 0xc0 + shm::kCborFormTag) parts_.push_back(at);
  }
  void Container(PyObject* object, const TypeInfo& info, int depth, Py_ssize_t limit, shm::CborWriter* out);
  // A plain list, tuple or dict of few items, from where they lie. False: it is another one or does not fit, and
  // nothing is changed.
  bool SmallContainer(PyObject* object, const TypeInfo& info, int depth, std::uint64_t id, shm::CborWriter* out);
  static constexpr Py_ssize_t kFewItems = 8;
  static constexpr std::size_t kUnreadableBytes = 64;  // room for a value of which only the class fits
  // In place of a value that is not to be shown.
  void Hidden(PyObject* object, shm::CborWriter* out);
  // How far a container had come behind each of its items.
  struct Kept {
    std::size_t size, seen;
    int nodes;
  };
  // A container that had no room for all items, again with those that are whole. False: with none of them.
  bool Shorten(const std::vector<Kept>& kept, std::size_t start, int form, std::uint64_t id, Py_ssize_t total,
               int per_item, shm::CborWriter* out);
  void Object(PyObject* object, const TypeInfo& info, int depth, Py_ssize_t limit, shm::CborWriter* out);
  void Attributes(const Level& level, int depth, Py_ssize_t limit, shm::CborWriter* out, bool* cut);
  void Raised(PyObject* object, const TypeInfo& info, int depth, shm::CborWriter* out);
  void Scalar(PyObject* object, Shape shape, shm::CborWriter* out);
  void Int(PyObject* object, shm::CborWriter* out);
  void Str(PyObject* object, shm::CborWriter* out);
  void Text(std::string_view text, Py_ssize_t cut, bool surrogates, shm::CborWriter* out);
  void TextForm(const char* type, std::string_view text, std::string_view class_name, shm::CborWriter* out);
  void Known(PyObject* object, const TypeInfo& info, shm::CborWriter* out);
  // True: it stands earlier in the same value, and that is written.
  bool Seen(PyObject* object, std::uint64_t* id, shm::CborWriter* out);
  void MixTotals(const Level& level) {
    print_.Mix(static_cast<std::uint64_t>(level.total));
    print_.Mix(static_cast<std::uint64_t>(level.attribute_total));
  }
  void Forget(std::size_t seen) {
    seen_.Truncate(seen);
    ids_.resize(seen);
  }
  void Begin();
  // What makes up the message of an exception, as one number, where MessageIsArguments; 0: more than its class and
  // one plain argument.
  std::uint64_t MessageBits(PyObject* exception) const;
  // Exceptions come through many frames, and the same ones again and again: what they were encoded to.
  struct Told {
    std::uint64_t bits = 0;
    std::size_t secrets = 0;  // how many were masked
    std::string class_name, cbor;
  };
  static constexpr std::size_t kTold = 64;

  CaptureContext* context_;
  std::unique_ptr<unsigned char[]> room_;
  std::size_t room_size_;  // of a value, `bytes` of the limits
  SeenObjects seen_;
  std::vector<std::uint64_t> ids_;              // of those, in the same order
  std::vector<std::unique_ptr<Level>> levels_;  // scratch, one a depth
  std::deque<std::vector<Kept>> kept_;          // likewise; a deque, because deeper ones come while one is in use
  std::vector<std::size_t> parts_;              // of the latest value: where those of the first level begin
  bool whole_ = true;                           // and they still stand there
  Print print_;
  bool printed_ = true;  // of all that was looked at
  std::string scratch_;
  std::unique_ptr<Told[]> told_;  // direct-mapped
  int nodes_ = 0;                 // that there is still room for
  int looked_at_ = 0;
  bool nested_ = false;
};

}  // namespace smiley::tracer
