// Thread rule: a Shadow belongs to its frame, guarded by the GIL. It holds addresses and no references. The objects
// may be dead, so addresses are compared and never followed.
//
// A Shadow is the state of one variable as the reader holds it: identity, the value of an immutable, and the first
// level of a container or object. The Comparer finds the change since then and encodes it as a value or a patch.
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

// The first level of a container or object when it was last sent.
struct Picture {
  Shape shape = Shape::kOpaque;
  bool subclass = false;
  bool patched = false;            // patches were sent since, so deep_hash does not fit the reader's value
  int nodes = 0;                   // nodes of the whole value when it was last encoded
  bool nested = false;             // parts below the first level can change while the first level stays the same
  std::uint64_t deep_hash = 0;     // of the whole encoding sent last; 0: not nested, or patched since
  std::uint64_t print = 0;         // the fingerprint when the picture was made; 0: none
  std::uint64_t plain = 0;         // ValueBits of the builtin part of a subclass's instance; 0: no subclass
  std::uint64_t version = 0;       // DictVersion when the picture was made; 0: the dict must be compared item by item
  Py_ssize_t total = 0;            // items (dicts: pairs), also beyond the limit
  Py_ssize_t attribute_total = 0;  // attributes, also beyond the limit
  std::vector<Mark> items;         // dicts: key, value, key, value …
  std::vector<Mark> attributes;    // name, value, name, value …
  // SmileyAttributes::names of an object that stores all its attributes inline, compared only; null: it does not.
  PyObject* const* names = nullptr;
};

// The characters of a long str as they were sent. Kept where the interpreter keeps no hash. Comparing them costs less
// than hashing them at each comparison.
struct ShownText {
  // Mark::bits of such a text. No value's mark has these bits, and no type has this address.
  static constexpr std::uint64_t kBits = 0xa3c59ac2f0d6e391u;
  static Mark MarkOf(PyObject* text) { return {Mark::Identity(text).object, kBits}; }
  static bool Holds(const Mark& mark) { return mark.bits == kBits && mark.identity(); }
  // In characters. A text shorter than kWorth has no copy. No copy is kept when the limit of characters is greater
  // than kMost.
  static constexpr Py_ssize_t kWorth = 64, kMost = 4096;
  Py_ssize_t length = -1;
  int kind = 0;
  std::string characters;  // the bytes in memory, `kind` of them a character
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
  Mark mark;  // an identity for objects that have a picture or no value to compare
  // May be shared with shadows that hold the same value: call OwnPicture() before changing it.
  std::shared_ptr<Picture> picture;
  std::unique_ptr<ShownText> text;  // valid where ShownText::Holds(mark)
  // Marks the picture as that of an earlier value. Its memory is kept for the next one.
  void Outdate() {
    if (picture.use_count() > 1) {
      picture.reset();
    } else if (picture) {
      picture->shape = Shape::kOpaque;
    }
  }
  // A picture that is not shared. `filled`: with the contents of the present one.
  Picture* OwnPicture(bool filled) {
    if (picture.use_count() != 1)
      picture = filled && picture ? std::make_shared<Picture>(*picture) : std::make_shared<Picture>();
    return picture.get();
  }
};

enum class Change { kNone, kUnset, kSet, kPatch };

// A patch of one operation as CBOR; unused bytes are zero.
struct ShortPatch {
  static constexpr std::size_t kWords = 6;
  std::uint64_t words[kWords];
  std::size_t size;  // bytes
};

// Compares a variable with its shadow and updates the shadow.
class Comparer {
 public:
  Comparer(CaptureContext* context, Encoder* encoder);
  // The budget for parts below the first level. An event may visit kDeepNodes nodes; on average it may visit
  // kDeepShare, and unused shares are saved up to kDeepSavings. A node costs 1 to fingerprint and kEncoding to
  // encode; a node whose fingerprint differed costs 1 + kEncoding. Parts beyond the budget are sent as they were read
  // earlier (asof).
  static constexpr int kDeepNodes = 192;
  static constexpr int kDeepShare = 2;
  static constexpr int kDeepSavings = 4096;
  static constexpr int kEncoding = 3;
  static constexpr int kDeepSmall = 24;  // nodes; a value of at most so many is always compared, on credit if need be
  // Begins the event with this number in its thread. Each number since the event before adds a share. A further call
  // with the same number has no effect. Call it before the event's first Compare.
  void AtEvent(std::uint64_t seq) {
    if (seq == seq_) return;
    const std::uint64_t brought = std::min<std::uint64_t>(seq - seq_, 2 * kDeepSavings / kDeepShare) * kDeepShare;
    deep_savings_ = std::min(deep_savings_ + static_cast<int>(brought), kDeepSavings);
    deep_nodes_ = kDeepNodes;
    seq_ = seq;
  }
  // Updates the shadow after the value was sent. REQUIRES a value with QuickCbor, so that QuickBits is its ValueBits.
  static void NoteSent(Shadow* shadow, PyObject* value) {
    shadow->state = Shadow::State::kBound;
    if (shadow->picture) shadow->Outdate();
    shadow->mark = {value, QuickBits(value)};
  }
  // Empties the cache of sent values: a forked child assigns object numbers of its own.
  void ForgetSent() { sent_.Clear(); }

  // Compares `object` (null: unbound) with the shadow. kSet and kPatch: *cbor is to be sent, valid until the next
  // call. `deep`: parts below the first level are compared, too. `redacted`: the redacted form is sent in place of a
  // value.
  Change Compare(Shadow* shadow, PyObject* object, bool redacted, bool deep, std::string_view* cbor);
  // Compares one of the commonest containers in place. kSame (Compare: kNone): the value did not change. kPatched
  // (Compare: kPatch): *patch is to be sent and the shadow is updated. kUnsure: call Compare; nothing was changed.
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
  // Patches the one item or attribute that has another plain value. False: more than that changed, from `at` on.
  bool PatchItem(Shadow* shadow, PyObject* const* items, std::size_t at, ShortPatch* patch);
  bool PatchAttribute(Shadow* shadow, const SmileyAttributes& at, Py_ssize_t first, ShortPatch* patch);
  static void NotePatched(Picture* picture, Mark* mark, PyObject* value) {
    *mark = {value, QuickBits(value)};
    picture->deep_hash = picture->print = 0;
    picture->patched = true;
  }
  // Compares marks that are all identities, as those of a container of objects: four at a time, without branches.
  static bool SameIdentities(const Mark* marks, PyObject* const* objects, std::size_t count) {
    const auto other = [&](std::size_t i) {  // not 0 also for the mark of a value and for a null object
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
  // The index, from `at` on, of the first object that does not surely equal its mark; marks.size(): there is none.
  static std::size_t FirstOther(const std::vector<Mark>& marks, PyObject* const* objects, std::size_t at = 0) {
    const std::size_t count = marks.size();
    if (count >= kManyIdentities && marks.front().identity() && SameIdentities(marks.data(), objects, count))
      return count;
    while (at < count && objects[at] != nullptr && QuickSameItem(marks[at], objects[at])) ++at;
    return at;
  }
  // Whether the object may store all its attributes inline, within the limit of items.
  bool HasPlainAttributes(const TypeInfo& info) const {
    return info.shape == Shape::kObject && info.dict_offset == 0 && info.slots.empty() &&
           context_->options->limits.items >= kAttributeRoom;
  }
  // Reads inline attributes into parts_. False: they are stored elsewhere or too many. REQUIRES HasPlainAttributes.
  bool ReadPairs(PyObject* object);
  // An object's first level in place, valid until the program runs again.
  struct Parts {
    PyObject* const* items = nullptr;  // dicts: key, value, …
    std::size_t item_count = 0;
    PyObject* const* attributes = nullptr;  // name, value, …
    std::size_t attribute_count = 0;
    Py_ssize_t total = 0, attribute_total = 0;
    PyObject* const* names = nullptr;  // as Picture::names
  };
  void ReadParts(PyObject* object, const TypeInfo& info);
  // Marks parts_ in the picture. REQUIRES parts_ read from the object.
  void MarkParts(PyObject* object, const TypeInfo& info, Picture* picture) const;
  // DictVersion of an exact dict; 0: any other object.
  static std::uint64_t VersionOf(PyObject* object, const TypeInfo& info) {
    return IsDict(info.shape) && !info.subclass ? DictVersion(object) : 0;
  }
  // Finds the encoding to send in the cache. False: it must be encoded.
  bool Recall(PyObject* object, const TypeInfo& info, SentValue* sent, std::string_view* cbor);
  // Takes the price of comparing `nodes` nodes from the budget. `encoded`: they are encoded without a fingerprint
  // first. False: the budget does not cover it.
  bool Affords(int nodes, bool encoded) {
    if (context_->options->limits.deep) return true;
    const int price = encoded ? nodes * kEncoding : nodes;
    if (nodes > deep_nodes_ || (nodes > kDeepSmall && price > deep_savings_)) return false;
    deep_nodes_ -= nodes;
    Pay(price);
    return true;
  }
  // Takes the price of an encoding that a differing fingerprint made necessary, on credit if need be.
  void Encodes(int nodes) { Pay(nodes * kEncoding); }
  void Pay(int price) { deep_savings_ = std::max(deep_savings_ - price, -kDeepSavings); }
  // Shares a large picture and copies a small one, which costs less than counting references.
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
  static constexpr int kWorthKeeping = 48;          // nodes of a nested value that is worth an `older` encoding
  static constexpr int kUses = 16;                  // times that `older` is sent before the parts are read again
  // Compares an exact str by its characters. False: compare its ValueBits.
  bool CompareText(Shadow* shadow, PyObject* object, Change* change, std::string_view* cbor);
  // Compares an exact scalar.
  Change ComparePlain(Shadow* shadow, PyObject* object, const TypeInfo& info, std::string_view* cbor);
  // Whether the first level equals the picture. False: parts_ has been read.
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
  // Hashes a str that was compared before, as a dict would: later comparisons then cost next to nothing. A local str
  // with one reference stays without a hash, because the interpreter can append in place only to such a str.
  static constexpr Py_ssize_t kLongestHashed = 4096;  // characters
  static void HashAgain(PyObject* object, Mark* mark, bool local) {
    if (!PyUnicode_CheckExact(object) || KeptHash(object) != -1 || PyUnicode_GET_LENGTH(object) > kLongestHashed)
      return;
    if ((local && Py_REFCNT(object) == 1) || PyObject_Hash(object) == -1) return;
    *mark = {object, HashedStrBits(object, KeptHash(object))};
  }
  // Compares by value where the mark has one, else by identity.
  bool SameValue(const Mark& mark, PyObject* object) const;
  // Compares by `bits`. REQUIRES bits == ValueBits of the object.
  bool SameBits(const Mark& mark, PyObject* object, const TypeInfo& info, std::uint64_t bits) const;
  // Compares the first level with the shadow's picture. kPatched: the changes were written to `out` and the picture
  // was updated in place. kOther: there are other changes; only *out was changed.
  enum class Look { kSame, kPatched, kOther };
  Look LookAtParts(Shadow* shadow, PyObject* object, const TypeInfo& info, shm::CborWriter* out);
  // Patches the commonest changes: ops_ items or attributes (maybe none) have other plain values, and none was added
  // or removed. False: there are other changes; only *out was changed. REQUIRES parts_ read from the object, as many
  // as the picture has.
  bool PatchValues(Picture* old, PyObject* object, const TypeInfo& info, shm::CborWriter* out);
  bool PatchValuesOf(std::vector<Mark>* marks, PyObject* const* objects, std::size_t step, int op,
                     shm::CborWriter* out);
  // Writes the changes since the picture as a patch. False: the whole value is shorter, or no patch expresses the
  // change. REQUIRES parts_ read from the object.
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
  Level level_;  // holds parts_ that cannot be read in place
  Parts parts_;
  static constexpr Py_ssize_t kAttributeRoom = 64;
  PyObject* pairs_[2 * kAttributeRoom];  // holds parts_ of inline attributes
  Picture now_;
  std::unique_ptr<unsigned char[]> room_;
  std::size_t room_size_;
  SentValues sent_;
  int deep_nodes_ = kDeepNodes;
  int deep_savings_ = kDeepSavings;
  std::uint64_t seq_ = 0;
  int ops_ = 0;
  int most_ops_ = 0;
  std::vector<std::pair<Mark*, Mark>> changes_;  // scratch of PatchValues
};

}  // namespace smiley::tracer
