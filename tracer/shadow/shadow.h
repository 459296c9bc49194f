// Thread rule: a Shadow belongs to its frame, guarded by the GIL. Holds addresses to compare, never references: what
// they pointed at may be dead, so they are compared and never followed.
//
// What the reader is believed to know of one variable: its identity, the value of an immutable, and the first level
// of a container or object.
#pragma once

#include <Python.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shm/cbor.h"
#include "tracer/shadow/sent_values.h"
#include "tracer/values/encoder.h"
#include "tracer/values/fingerprint.h"
#include "tracer/values/level.h"
#include "tracer/values/quick_value.h"
#include "tracer/values/types.h"

namespace smiley::tracer {

struct Picture {
  Shape shape = Shape::kOpaque;
  bool subclass = false;
  bool patched = false;         // the deep hash no longer fits what the reader holds
  int nodes = 0;                // of the whole value when it was last sent
  bool nested = false;          // parts below the first level can change unseen
  std::uint64_t deep_hash = 0;  // of the whole encoding last sent
  std::uint64_t print = 0;      // its fingerprint then; 0: none
  std::uint64_t plain = 0;      // of the builtin part of an instance of a subclass (ValueBits)
  std::uint64_t version = 0;    // of a dict at the time (DictVersion); 0: to be compared item by item
  Py_ssize_t total = 0;
  Py_ssize_t attribute_total = 0;
  std::vector<Mark> items;       // dicts: key, value, …
  std::vector<Mark> attributes;  // name, value, …
  PyObject* const* names =
      nullptr;  // theirs, where the object itself has them all (SmileyAttributes): never followed
};

// The characters that were shown of a long str whose hash the interpreter does not keep: comparing them costs less
// than hashing them at each look.
struct ShownText {
  static constexpr std::uint64_t kBits =
      0xa3c59ac2f0d6e391u;  // of the mark: no value's, which have untagged addresses, and no type's address
  static Mark MarkOf(PyObject* text) { return {Mark::Identity(text).object, kBits}; }
  static bool Holds(const Mark& mark) { return mark.bits == kBits && mark.identity(); }
  static constexpr Py_ssize_t kWorth = 64, kMost = 4096;  // characters; of raised limits no copies are kept
  Py_ssize_t length = -1;
  int kind = 0;
  std::string characters;  // as they lie in memory
  static std::string_view Characters(PyObject* text, Py_ssize_t chars) {
    const std::size_t take = static_cast<std::size_t>(std::min(PyUnicode_GET_LENGTH(text), chars));
    return {static_cast<const char*>(PyUnicode_DATA(text)), take * static_cast<std::size_t>(PyUnicode_KIND(text))};
  }
  bool Shows(PyObject* text, Py_ssize_t chars) const {
    return length == PyUnicode_GET_LENGTH(text) && kind == static_cast<int>(PyUnicode_KIND(text)) &&
           characters == Characters(text, chars);
  }
  void Show(PyObject* text, Py_ssize_t chars) {
    length = PyUnicode_GET_LENGTH(text);
    kind = static_cast<int>(PyUnicode_KIND(text));
    characters.assign(Characters(text, chars));
  }
};

struct Shadow {
  enum class State : std::uint8_t { kUnknown, kUnbound, kBound };
  State state = State::kUnbound;
  Mark mark;  // of what has a picture, or no value of its own: which object it is
  // Large ones may be shared with others that show the same: OwnPicture() before it is changed.
  std::shared_ptr<Picture> picture;
  std::unique_ptr<ShownText> text;  // holds where the mark says so
  // The picture is of an earlier value: kept for its room, it fits no other.
  void Outdate() {
    if (picture.use_count() > 1) {
      picture.reset();
    } else if (picture) {
      picture->shape = Shape::kOpaque;
    }
  }
  // A picture that nobody else has, `filled` with what it showed.
  Picture* OwnPicture(bool filled) {
    if (picture.use_count() != 1)
      picture = filled && picture ? std::make_shared<Picture>(*picture) : std::make_shared<Picture>();
    return picture.get();
  }
};

enum class Change { kNone, kUnset, kSet, kPatch };

// A patch of one operation: CBOR, zero behind its end.
struct ShortPatch {
  static constexpr std::size_t kWords = 6;
  std::uint64_t words[kWords];
  std::size_t size;  // bytes
};

// Compares a variable with its shadow, and brings the shadow up to date.
class Comparer {
 public:
  Comparer(CaptureContext* context, Encoder* encoder);
  // `object` null = unbound. `deep`: this event looks below the first level as well. For kSet and kPatch *cbor is
  // what to send, valid until the next call. `redacted`: only that it changed is told. Looking below the first level
  // takes at most so many nodes an event, and on average no more than the share that each event brings, of which some
  // is saved for those that need more; what is beyond stays as it was read (asof). A node costs one to look at, and
  // kEncoding where it is encoded (both, where the look said that it must be).
  static constexpr int kDeepNodes = 192;
  static constexpr int kDeepShare = 2;
  static constexpr int kDeepSavings = 4096;
  static constexpr int kEncoding = 3;
  static constexpr int kDeepSmall = 24;  // nodes of a value that is always looked at, on credit if need be
  // REQUIRES before Compare: the event's number in its thread; what comes between counts as events that needed
  // nothing.
  void AtEvent(std::uint64_t seq) {
    if (seq == seq_) return;
    const std::uint64_t brought = std::min<std::uint64_t>(seq - seq_, 2 * kDeepSavings / kDeepShare) * kDeepShare;
    deep_savings_ = std::min(deep_savings_ + static_cast<int>(brought), kDeepSavings);
    deep_nodes_ = kDeepNodes;
    seq_ = seq;
  }
  // The reader was told that value. REQUIRES one that QuickCbor knows, of which QuickBits says what ValueBits does.
  static void NoteSent(Shadow* shadow, PyObject* value) {
    shadow->state = Shadow::State::kBound;
    if (shadow->picture) shadow->Outdate();
    shadow->mark = {value, QuickBits(value)};
  }
  // Nothing that was sent holds any more: a forked child has numbers of its own.
  void ForgetSent() { sent_.Clear(); }

  Change Compare(Shadow* shadow, PyObject* object, bool redacted, bool deep, std::string_view* cbor);
  // A first look at one of the commonest containers, at its values where they lie. kSame and kPatched (*patch is what
  // to send, and the shadow is up to date): surely what Compare would find. kUnsure: ask that; nothing was changed.
  // REQUIRES a variable that is not redacted.
  enum class Glance { kSame, kPatched, kUnsure };
  [[gnu::always_inline]] Glance LookQuickly(Shadow* shadow, PyObject* object, bool deep, ShortPatch* patch) {
    const Picture* picture = shadow->picture.get();
    if (picture == nullptr || !(shadow->mark == Mark::Identity(object)) || shadow->state != Shadow::State::kBound)
      return Glance::kUnsure;
    if (picture->nested && (deep || context_->options->limits.deep)) return Glance::kUnsure;
    const PyTypeObject* type = Py_TYPE(object);
    if (type == &PyList_Type || type == &PyTuple_Type) {
      const Shape shape = type == &PyList_Type ? Shape::kList : Shape::kTuple;
      if (picture->shape != shape || picture->subclass || Py_SIZE(object) != picture->total) return Glance::kUnsure;
      if (picture->items.size() != static_cast<std::size_t>(picture->total)) return Glance::kUnsure;
      PyObject* const* const items = ItemsOf(object, shape);
      const std::size_t other = FirstOther(picture->items, items);
      if (other == picture->items.size()) return Glance::kSame;
      return shape == Shape::kList && PatchItem(shadow, items, other, patch) ? Glance::kPatched : Glance::kUnsure;
    }
    if (type == &PyDict_Type) {
      const std::uint64_t version = DictVersion(object);
      return version != 0 && version == picture->version && picture->shape == Shape::kDict ? Glance::kSame
                                                                                           : Glance::kUnsure;
    }
    return picture->shape == Shape::kObject ? LookAtAttributes(shadow, object, patch) : Glance::kUnsure;
  }

 private:
  Glance LookAtAttributes(Shadow* shadow, PyObject* object, ShortPatch* patch);
  // One item or attribute (from the first that is another) has another plain value, and nothing else changed:
  // patched.
  bool PatchItem(Shadow* shadow, PyObject* const* items, std::size_t at, ShortPatch* patch);
  bool PatchAttribute(Shadow* shadow, const SmileyAttributes& at, Py_ssize_t first, ShortPatch* patch);
  static void NotePatched(Picture* picture, Mark* mark, PyObject* value) {
    *mark = {value, QuickBits(value)};
    picture->deep_hash = picture->print = 0;
    picture->patched = true;
  }
  // Marks of identities only, as those of many containers of objects are: four at a time, without a branch an item.
  static bool SameIdentities(const Mark* marks, PyObject* const* objects, std::size_t count) {
    const auto other = [&](std::size_t i) {  // also where the mark is a value's, or the object is null
      return (reinterpret_cast<std::uintptr_t>(objects[i]) | 1) ^ reinterpret_cast<std::uintptr_t>(marks[i].object);
    };
    const auto type = [&](std::size_t i) {
      return reinterpret_cast<std::uintptr_t>(Py_TYPE(objects[i])) ^ marks[i].bits;
    };
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) {
      if ((other(i) | other(i + 1) | other(i + 2) | other(i + 3)) != 0) return false;
      if ((type(i) | type(i + 1) | type(i + 2) | type(i + 3)) != 0) return false;
    }
    for (; i < count; ++i) {
      if (other(i) != 0 || type(i) != 0) return false;
    }
    return true;
  }
  // The first, from `at` on, that is not surely what its mark says; as many as there are marks: none.
  static std::size_t FirstOther(const std::vector<Mark>& marks, PyObject* const* objects, std::size_t at = 0) {
    const std::size_t count = marks.size();
    if (count >= kManyIdentities && marks.front().identity() && SameIdentities(marks.data(), objects, count))
      return count;
    while (at < count && objects[at] != nullptr && QuickSameItem(marks[at], objects[at])) ++at;
    return at;
  }
  // All that it has may stand in the object itself.
  bool HasPlainAttributes(const TypeInfo& info) const {
    return info.shape == Shape::kObject && info.dict_offset == 0 && info.slots.empty() &&
           context_->options->limits.items >= kAttributeRoom;
  }
  // Into parts_, without a list of them. REQUIRES HasPlainAttributes. False: they stand elsewhere, or are too many.
  bool ReadPairs(PyObject* object);
  // What lies in an object's first level, for as long as the program does not run.
  struct Parts {
    PyObject* const* items = nullptr;  // dicts: key, value, …
    std::size_t item_count = 0;
    PyObject* const* attributes = nullptr;  // name, value, …
    std::size_t attribute_count = 0;
    Py_ssize_t total = 0, attribute_total = 0;
    PyObject* const* names = nullptr;  // as a picture's
  };
  void ReadParts(PyObject* object, const TypeInfo& info);
  // REQUIRES parts_ just read from the object.
  void MarkParts(PyObject* object, const TypeInfo& info, Picture* picture) const;
  // Of a dict without attributes of its own; 0 for all else.
  static std::uint64_t VersionOf(PyObject* object, const TypeInfo& info) {
    return IsDict(info.shape) && !info.subclass ? DictVersion(object) : 0;
  }
  // What to send of it, if that is known to hold.
  bool Recall(PyObject* object, const TypeInfo& info, SentValue* sent, std::string_view* cbor);
  // There is room for another look at that many nodes; `encoded`: at once, without a fingerprint first.
  bool Affords(int nodes, bool encoded) {
    if (context_->options->limits.deep) return true;
    const int price = encoded ? nodes * kEncoding : nodes;
    if (nodes > deep_nodes_ || (nodes > kDeepSmall && price > deep_savings_)) return false;
    deep_nodes_ -= nodes;
    Pay(price);
    return true;
  }
  // The fingerprint said that all must be encoded: paid by what later events bring.
  void Encodes(int nodes) { Pay(nodes * kEncoding); }
  void Pay(int price) { deep_savings_ = std::max(deep_savings_ - price, -kDeepSavings); }
  // Gives a picture on: a large one is shared, a small one is cheaper to copy than to count.
  static void Pass(const std::shared_ptr<Picture>& picture, std::shared_ptr<Picture>* to) {
    if (picture->items.size() + picture->attributes.size() >= kWorthSharing) {
      if (*to != picture) *to = picture;
    } else if (to->use_count() == 1) {
      **to = *picture;
    } else {
      *to = std::make_shared<Picture>(*picture);
    }
  }
  static constexpr std::size_t kManyIdentities = 4;
  static constexpr std::size_t kWorthSharing = 24;  // marks of a picture
  static constexpr int kWorthKeeping = 48;          // nodes of a nested value
  static constexpr int kUses = 16;                  // then it is read again
  // Of a str itself. False: ask for its bits.
  bool CompareText(Shadow* shadow, PyObject* object, Change* change, std::string_view* cbor);
  // One that has neither parts nor attributes, and a value of its own to compare.
  Change ComparePlain(Shadow* shadow, PyObject* object, const TypeInfo& info, std::string_view* cbor);
  // What the first level shows of it is what the picture shows. False: parts_ has been read.
  bool SamePicture(PyObject* object, const TypeInfo& info, Picture* picture);
  bool SameSizes(const Picture& old) const {
    return old.total == parts_.total && old.attribute_total == parts_.attribute_total &&
           old.items.size() == parts_.item_count && old.attributes.size() == parts_.attribute_count;
  }
  Mark MarkOf(PyObject* object, const TypeInfo& info) const {
    const std::uint64_t bits = ValueBits(object, info, context_->options->limits.chars);
    return bits != 0 ? Mark{object, bits} : Mark::Identity(object);
  }
  bool SameItems(std::vector<Mark>* marks, PyObject* const* objects) const;
  // A string that is met again is hashed, as a dict would do: from then on comparing it costs next to nothing. Not
  // what the interpreter might append to in place, which it does in local variables, where nothing else has it, and
  // without a hash only.
  static constexpr Py_ssize_t kLongestHashed = 4096;  // characters
  static void HashAgain(PyObject* object, Mark* mark, bool local) {
    if (!PyUnicode_CheckExact(object) || KeptHash(object) != -1 || PyUnicode_GET_LENGTH(object) > kLongestHashed)
      return;
    if ((local && Py_REFCNT(object) == 1) || PyObject_Hash(object) == -1) return;
    *mark = {object, HashedStrBits(object, KeptHash(object))};
  }
  // By value where it has one, else by identity.
  bool SameValue(const Mark& mark, PyObject* object) const;
  // REQUIRES what ValueBits says of the object now.
  bool SameBits(const Mark& mark, PyObject* object, const TypeInfo& info, std::uint64_t bits) const;
  // What the first level shows beside the shadow's picture: the same; changes for which no new picture is made,
  // brought up to date there and written to `out`; or more than that, and nothing was changed but *out.
  enum class Look { kSame, kPatched, kOther };
  Look LookAtParts(Shadow* shadow, PyObject* object, const TypeInfo& info, shm::CborWriter* out);
  // The commonest changes: some items or attributes have other plain values (ops_ of them, maybe none), and nothing
  // came or went. REQUIRES parts_ just read, as many as the picture has. False: it is more than that, and nothing was
  // changed but *out.
  bool PatchValues(Picture* old, PyObject* object, const TypeInfo& info, shm::CborWriter* out);
  bool PatchValuesOf(std::vector<Mark>* marks, PyObject* const* objects, std::size_t step, int op,
                     shm::CborWriter* out);
  // False when a full value is shorter or the change cannot be said as a patch.
  // REQUIRES parts_ just read.
  bool Patch(const Picture& old, PyObject* object, const TypeInfo& info, shm::CborWriter* out);
  bool PatchSequence(const Picture& old, shm::CborWriter* out);
  bool PatchPairs(const std::vector<Mark>& old, const std::vector<Mark>& now, PyObject* const* objects, int set_op,
                  int delete_op, shm::CborWriter* out);
  bool SetItem(std::size_t index, shm::CborWriter* out);
  bool Operation(shm::CborWriter* out, std::uint64_t items, int op);
  void Paired(PyObject* name, PyObject* value, shm::CborWriter* out);
  Change Send(Shadow* shadow, PyObject* object, std::string_view* cbor);

  CaptureContext* context_;
  Encoder* encoder_;
  Fingerprint fingerprint_;
  Level level_;  // of parts_, where they have to be gathered
  Parts parts_;
  static constexpr Py_ssize_t kAttributeRoom = 64;
  PyObject* pairs_[2 * kAttributeRoom];  // of parts_, where no list of them is needed
  Picture now_;
  std::unique_ptr<unsigned char[]> room_;
  std::size_t room_size_;
  SentValues sent_;
  int deep_nodes_ = kDeepNodes;
  int deep_savings_ = kDeepSavings;
  std::uint64_t seq_ = 0;
  int ops_ = 0;
  int most_ops_ = 0;
  std::vector<std::pair<Mark*, Mark>> changes_;  // of PatchValues: scratch
};

}  // namespace smiley::tracer
