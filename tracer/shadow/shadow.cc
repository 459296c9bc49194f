#include "tracer/shadow/shadow.h"

// Inlined, because the tracer loads no further library into the traced program.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "shm/forms.h"
#include "tracer/interp/interp.h"

namespace smiley::tracer {
namespace {

using enum shm::PatchOperation;

// Like operator==, but equal values of two objects are the same, too.
bool SameMark(const Mark& a, const Mark& b) {
  return a.bits == b.bits && a.identity() == b.identity() && (!a.identity() || a.object == b.object);
}

// Whether values of the type have a first level to compare. All others are compared by value or identity.
bool HasLevel(const TypeInfo& info) {
  return IsContainer(info.shape) || info.shape == Shape::kObject || (info.subclass && info.attributes);
}

}  // namespace

Comparer::Comparer(CaptureContext* context, Encoder* encoder)
    : context_(context),
      encoder_(encoder),
      fingerprint_(context),
      room_(new unsigned char[static_cast<std::size_t>(context->options->limits.bytes)]),
      room_size_(static_cast<std::size_t>(context->options->limits.bytes)) {}

void Comparer::MarkParts(PyObject* object, const TypeInfo& info, Picture* picture) const {
  picture->version = VersionOf(object, info);
  picture->shape = info.shape;
  picture->subclass = info.subclass;
  picture->total = parts_.total;
  picture->names = parts_.names;
  picture->attribute_total = parts_.attribute_total;
  const auto mark = [this, picture](PyObject* item) {
    if (const std::uint64_t quick = QuickBits(item)) return Mark{item, quick};
    const TypeInfo& item_info = context_->types.OfObject(item);
    if (item_info.shape == Shape::kByteArray)
      picture->version = 0;  // it can change without a new version of the dict
    return MarkOf(item, item_info);
  };
  picture->items.clear();
  for (std::size_t i = 0; i < parts_.item_count && parts_.items[i] != nullptr; ++i)
    picture->items.push_back(mark(parts_.items[i]));
  picture->attributes.clear();
  for (std::size_t i = 0; i < parts_.attribute_count; ++i) picture->attributes.push_back(mark(parts_.attributes[i]));
}

bool Comparer::SameItems(std::vector<Mark>* marks, PyObject* const* objects) const {
  for (Mark& mark : *marks) {
    PyObject* object = *objects++;
    if (object == nullptr) return false;
    if (QuickSameItem(mark, object)) continue;
    if (!SameValue(mark, object)) return false;
    HashAgain(object, &mark, false);
  }
  return true;
}

bool Comparer::ReadPairs(PyObject* object) {
  SmileyAttributes at;
  smiley_attributes(object, &at);
  if (at.dict != nullptr || at.count > kAttributeRoom) return false;
  Py_ssize_t count = 0;
  ForEachAttribute(at, [&](PyObject* name, PyObject* value) {
    pairs_[2 * count] = name;
    pairs_[2 * count++ + 1] = value;
  });
  parts_ = {
      nullptr, 0, pairs_, static_cast<std::size_t>(2 * count), 0, count, count == at.count ? at.names : nullptr};
  return true;
}

// Reads the first level in place where the layout allows it, else into level_.
void Comparer::ReadParts(PyObject* object, const TypeInfo& info) {
  const Py_ssize_t limit = context_->options->limits.items;
  parts_ = {};
  if ((info.shape == Shape::kList || info.shape == Shape::kTuple) && !info.subclass) {
    parts_.total = Py_SIZE(object);
    parts_.items = ItemsOf(object, info.shape);
    parts_.item_count = static_cast<std::size_t>(std::min(parts_.total, limit));
    while (parts_.item_count > 0 && parts_.items[parts_.item_count - 1] == nullptr)
      --parts_.item_count;  // being built
    return;
  }
  if (HasPlainAttributes(info) && ReadPairs(object)) return;
  ReadLevel(object, info, limit, &level_);
  parts_ = {level_.items.data(),
            level_.items.size(),
            level_.attributes.data(),
            level_.attributes.size(),
            level_.total,
            level_.attribute_total,
            nullptr};
}

bool Comparer::SamePicture(PyObject* object, const TypeInfo& info, Picture* picture) {
  const std::uint64_t version = VersionOf(object, info);
  if (version != 0 && version == picture->version) return true;
  ReadParts(object, info);
  if (!SameSizes(*picture) || !SameItems(&picture->items, parts_.items) ||
      !SameItems(&picture->attributes, parts_.attributes)) {
    return false;
  }
  if (picture->version != 0) picture->version = version;
  return true;
}

bool Comparer::SameValue(const Mark& mark, PyObject* object) const {
  if (mark.identity()) return mark == Mark::Identity(object);
  const TypeInfo& info = context_->types.OfObject(object);
  return SameBits(mark, object, info, ValueBits(object, info, context_->options->limits.chars));
}

bool Comparer::SameBits(const Mark& mark, PyObject* object, const TypeInfo& info, std::uint64_t bits) const {
  if (bits == mark.bits)
    return info.shape != Shape::kByteArray || object == mark.object;  // a bytearray is sent with its object number
  // A str that was hashed since has another number for the same text.
  return info.shape == Shape::kStr && object == mark.object && KeptHash(object) != -1 &&
         TextBits(object, context_->options->limits.chars) == mark.bits;
}

bool Comparer::Recall(PyObject* object, const TypeInfo& info, SentValue* sent, std::string_view* cbor) {
  Picture& picture = *sent->picture;
  if (!SamePicture(object, info, &picture)) return false;
  *cbor = sent->cbor;
  if (!picture.nested) return true;
  const bool hopeless = picture.print == 0 || sent->missed;
  if (!Affords(picture.nodes, hopeless) && !sent->older.empty() && ++sent->uses <= kUses) {
    *cbor = sent->older;
    return true;
  }
  if (hopeless) return false;
  sent->missed = fingerprint_.Of(object) != picture.print;
  if (sent->missed) {
    Encodes(picture.nodes);
  } else {
    sent->uses = 0;
  }
  return !sent->missed;
}

Change Comparer::Send(Shadow* shadow, PyObject* object, std::string_view* cbor) {
  shadow->state = Shadow::State::kBound;
  const TypeInfo& info = context_->types.OfObject(object);
  if (HasLevel(info)) {
    shadow->mark = Mark::Identity(object);
    const std::uint64_t bits = info.subclass ? ValueBits(object, info, context_->options->limits.chars) : 0;
    SentValue* const found = sent_.Find(object);
    const bool again = found != nullptr && found->type == Py_TYPE(object);
    if (again && found->kept && found->bits == bits && found->secrets == context_->secrets.count() &&
        Recall(object, info, found, cbor)) {
      Pass(found->picture, &shadow->picture);
      return Change::kSet;
    }
    bool nested = false;
    *cbor = encoder_->EncodeValue(object, &nested);
    const int nodes = encoder_->nodes_looked_at();
    const std::uint64_t print = encoder_->print();
    ReadParts(object, info);
    Picture* picture = shadow->OwnPicture(false);
    MarkParts(object, info, picture);
    picture->patched = false;
    picture->plain = bits;
    picture->nested = nested;
    picture->nodes = nodes;
    picture->deep_hash = nested ? XXH3_64bits(cbor->data(), cbor->size()) : 0;
    picture->print = nested ? print : 0;
    const bool older = nested && nodes >= kWorthKeeping;
    SentValue& sent = *(found != nullptr ? found : sent_.Take(object));
    sent.missed = again && sent.missed && sent.hash != picture->deep_hash;
    sent.kept = again && (!sent.missed || older);
    sent.type = Py_TYPE(object);
    sent.hash = picture->deep_hash;
    if (sent.kept) {
      sent.bits = bits;
      sent.secrets = context_->secrets.count();
      Pass(shadow->picture, &sent.picture);
      sent.uses = 0;
      sent.cbor = *cbor;
      if (!older || !encoder_->MarkParts(*cbor, seq_, &sent.older)) sent.older.clear();
    }
    return Change::kSet;
  }
  shadow->mark = MarkOf(object, info);
  *cbor = encoder_->EncodeValue(object);
  if (info.shape == Shape::kException) {
    *shadow->OwnPicture(false) = {};
    shadow->picture->shape = info.shape;
    shadow->picture->deep_hash = XXH3_64bits(cbor->data(), cbor->size());
  } else {
    shadow->Outdate();
  }
  return Change::kSet;
}

bool Comparer::CompareText(Shadow* shadow, PyObject* object, Change* change, std::string_view* cbor) {
  const Py_ssize_t chars = context_->options->limits.chars;
  if (shadow->state == Shadow::State::kBound && ShownText::Holds(shadow->mark) &&
      shadow->text->Shows(object, chars)) {
    const Py_hash_t hash = KeptHash(object);
    shadow->mark = hash != -1 ? Mark{object, HashedStrBits(object, hash)} : ShownText::MarkOf(object);
    HashAgain(object, &shadow->mark, true);
    *change = Change::kNone;
    return true;
  }
  if (KeptHash(object) != -1 || PyUnicode_GET_LENGTH(object) < ShownText::kWorth || chars > ShownText::kMost)
    return false;
  if (!shadow->text) shadow->text = std::make_unique<ShownText>();
  shadow->text->Show(object, chars);
  shadow->state = Shadow::State::kBound;
  shadow->mark = ShownText::MarkOf(object);
  shadow->Outdate();
  *cbor = encoder_->EncodePlain(object, Shape::kStr);
  *change = Change::kSet;
  return true;
}

Change Comparer::ComparePlain(Shadow* shadow, PyObject* object, const TypeInfo& info, std::string_view* cbor) {
  if (Change change; info.shape == Shape::kStr && CompareText(shadow, object, &change, cbor)) return change;
  const std::uint64_t bits = ValueBits(object, info, context_->options->limits.chars);
  const bool same = shadow->state == Shadow::State::kBound && !shadow->mark.identity() &&
                    SameBits(shadow->mark, object, info, bits);
  shadow->mark = {object, bits};
  if (same) {
    HashAgain(object, &shadow->mark, true);
    return Change::kNone;
  }
  shadow->state = Shadow::State::kBound;
  shadow->Outdate();
  *cbor = encoder_->EncodePlain(object, info.shape);
  return Change::kSet;
}

Change Comparer::Compare(Shadow* shadow, PyObject* object, bool redacted, bool deep, std::string_view* cbor) {
  if (object == nullptr) {
    if (shadow->state == Shadow::State::kUnbound) return Change::kNone;
    shadow->state = Shadow::State::kUnbound;
    shadow->mark = {};
    return Change::kUnset;
  }
  const bool known = shadow->state == Shadow::State::kBound;
  if (redacted) {
    if (known && shadow->mark == Mark::Identity(object)) return Change::kNone;
    encoder_->RememberSecret(object);
    shadow->state = Shadow::State::kBound;
    shadow->mark = Mark::Identity(object);
    *cbor = encoder_->EncodeRedacted();
    return Change::kSet;
  }
  const TypeInfo& info = context_->types.OfObject(object);
  if (IsScalar(info.shape) && !info.subclass) return ComparePlain(shadow, object, info, cbor);
  if (!known) return Send(shadow, object, cbor);
  if (!HasLevel(info)) {
    const Mark now = MarkOf(object, info);
    const bool same = now.identity() ? shadow->mark == now
                                     : !shadow->mark.identity() && SameBits(shadow->mark, object, info, now.bits);
    if (same) {
      shadow->mark = now;
      if (info.shape != Shape::kException) return Change::kNone;
      // No comparison of an exception (arguments, notes, causes) is cheaper than encoding it again.
      const std::string_view whole = encoder_->EncodeValue(object);
      const std::uint64_t hash = XXH3_64bits(whole.data(), whole.size());
      if (shadow->picture && shadow->picture->deep_hash == hash) return Change::kNone;
    }
    return Send(shadow, object, cbor);
  }
  Picture* old = shadow->picture.get();
  if (!(shadow->mark == Mark::Identity(object)) || old == nullptr || old->shape != info.shape ||
      old->subclass != info.subclass) {
    return Send(shadow, object, cbor);
  }
  const bool plain_part_same =
      !info.subclass || old->plain == ValueBits(object, info, context_->options->limits.chars);
  if (!plain_part_same) return Send(shadow, object, cbor);
  shm::CborWriter out(room_.get(), room_size_);
  const Look look = LookAtParts(shadow, object, info, &out);
  if (look == Look::kPatched) {
    *cbor = out.view();
    return Change::kPatch;
  }
  if (look == Look::kSame) {
    if (!old->nested || !(deep || context_->options->limits.deep)) return Change::kNone;
    SentValue* const last = sent_.Find(object);
    const bool hopeless = old->patched || old->print == 0 || (last != nullptr && last->missed);
    if (!Affords(old->nodes, hopeless)) return Change::kNone;
    if (!hopeless) {
      if (fingerprint_.Of(object) == old->print) return Change::kNone;
      Encodes(old->nodes);
      if (last != nullptr) last->missed = true;
    }
    bool nested = false;
    const std::string_view whole = encoder_->EncodeValue(object, &nested);
    const std::uint64_t print = encoder_->print();
    const std::uint64_t hash = XXH3_64bits(whole.data(), whole.size());
    if (!old->patched && hash == old->deep_hash) {
      old->print = print;  // also for shadows that share the picture, because the value is the same
      if (last != nullptr) last->missed = false;
      return Change::kNone;
    }
    old = shadow->OwnPicture(true);
    old->print = print;
    old->deep_hash = hash;
    old->patched = false;
    *cbor = whole;
    return Change::kSet;
  }
  old = shadow->OwnPicture(true);
  out.Truncate(0);
  if (!Patch(*old, object, info, &out)) return Send(shadow, object, cbor);
  now_.nested = old->nested;
  now_.plain = old->plain;
  now_.nodes = old->nodes;
  now_.patched = true;
  for (const Mark& item : now_.items) now_.nested = now_.nested || item.identity();
  for (const Mark& item : now_.attributes) now_.nested = now_.nested || item.identity();
  std::swap(*old, now_);
  *cbor = out.view();
  return Change::kPatch;
}

bool Comparer::Operation(shm::CborWriter* out, std::uint64_t items, int op) {
  if (++ops_ > most_ops_) return false;
  out->ArrayHeader(items);
  out->Int(op);
  return true;
}

// Patches the values that changed. `step`: 2 where a name or key precedes each value, else 1.
bool Comparer::PatchValuesOf(std::vector<Mark>* marks, PyObject* const* objects, std::size_t step, int op,
                             shm::CborWriter* out) {
  for (std::size_t i = step - 1; i < marks->size(); i += step) {
    Mark& mark = (*marks)[i];
    PyObject* object = objects[i];
    if (object == nullptr) return false;
    PyObject* name = step == 2 ? objects[i - 1] : nullptr;
    if (name != nullptr && !QuickSameItem((*marks)[i - 1], name) && !SameValue((*marks)[i - 1], name)) return false;
    if (QuickSameItem(mark, object)) continue;
    if (SameValue(mark, object)) {
      HashAgain(object, &mark, false);
      continue;
    }
    const QuickCbor quick(object);
    if ((quick.size == 0 && !PyUnicode_CheckExact(object)) || (name != nullptr && context_->RedactsName(name)))
      return false;
    if (!Operation(out, 3, op)) return false;
    if (name == nullptr) {
      out->Unsigned(i);
    } else {
      encoder_->Append(name, out);
    }
    if (quick.size != 0) {
      out->Raw(quick.view());
    } else {
      encoder_->Append(object, out);
    }
    std::uint64_t bits = QuickBits(object);
    if (bits == 0) bits = ValueBits(object, context_->types.OfObject(object), context_->options->limits.chars);
    changes_.emplace_back(&mark, Mark{object, bits});
  }
  return true;
}

Comparer::Look Comparer::LookAtParts(Shadow* shadow, PyObject* object, const TypeInfo& info, shm::CborWriter* out) {
  Picture* picture = shadow->picture.get();
  const bool patchable = info.shape == Shape::kList || info.shape == Shape::kObject || IsDict(info.shape);
  if (shadow->picture.use_count() > 1 || !patchable) {
    if (SamePicture(object, info, picture)) return Look::kSame;
    if (!patchable) return Look::kOther;
    picture = shadow->OwnPicture(true);
  } else {
    const std::uint64_t version = VersionOf(object, info);
    if (version != 0 && version == picture->version) return Look::kSame;
    ReadParts(object, info);
  }
  if (!SameSizes(*picture) || !PatchValues(picture, object, info, out)) return Look::kOther;
  return ops_ == 0 ? Look::kSame : Look::kPatched;
}

bool Comparer::PatchValues(Picture* old, PyObject* object, const TypeInfo& info, shm::CborWriter* out) {
  const bool dict = IsDict(old->shape);
  ops_ = 0;
  most_ops_ = static_cast<int>((old->items.size() + old->attributes.size()) / 4) + 4;
  changes_.clear();
  const std::size_t array = out->BeginArray();
  if (!PatchValuesOf(&old->items, parts_.items, dict ? 2 : 1, dict ? kPatchSetKey : kPatchSetItem, out)) return false;
  if (!PatchValuesOf(&old->attributes, parts_.attributes, 2, kPatchSetAttribute, out)) return false;
  out->EndArray(array, static_cast<std::size_t>(ops_));
  if (out->overflow()) return false;
  if (ops_ == 0) {
    if (old->version != 0) old->version = VersionOf(object, info);
    return true;
  }
  for (const auto& [mark, now] : changes_) *mark = now;
  old->version = VersionOf(object, info);
  // A bytearray among the values can change without a new version of the dict.
  const auto mutates = [this](PyObject* item) { return context_->types.OfObject(item).shape == Shape::kByteArray; };
  if (old->version != 0 && std::any_of(parts_.items, parts_.items + parts_.item_count, mutates)) old->version = 0;
  old->deep_hash = old->print = 0;
  old->patched = true;
  return true;
}

bool Comparer::SetItem(std::size_t index, shm::CborWriter* out) {
  if (!Operation(out, 3, kPatchSetItem)) return false;
  out->Unsigned(index);
  return encoder_->Append(parts_.items[index], out);
}

bool Comparer::PatchSequence(const Picture& old, shm::CborWriter* out) {
  const std::vector<Mark>& before = old.items;
  const std::vector<Mark>& after = now_.items;
  std::size_t kept = std::min(before.size(), after.size());
  // The common change of a queue: one item was removed at the front.
  std::size_t shift = 0;
  if (before.size() > 1 && !after.empty() && !SameMark(before[0], after[0])) {
    const std::size_t overlap = std::min(before.size() - 1, after.size());
    if (std::equal(before.begin() + 1, before.begin() + 1 + static_cast<std::ptrdiff_t>(overlap), after.begin(),
                   SameMark) &&
        overlap > 0) {
      shift = 1;
      kept = overlap;
      if (!Operation(out, 2, kPatchRemove)) return false;
      out->Int(0);
    }
  }
  for (std::size_t i = 0; i < kept; ++i) {
    if (SameMark(before[i + shift], after[i])) continue;
    if (!SetItem(i, out)) return false;
  }
  if (before.size() - shift > kept) {
    if (!Operation(out, 2, kPatchTruncate)) return false;
    out->Unsigned(kept);
  }
  if (after.size() > kept) {
    if (!Operation(out, 1 + after.size() - kept, kPatchAppend)) return false;
    for (std::size_t i = kept; i < after.size(); ++i) {
      if (!encoder_->Append(parts_.items[i], out)) return false;
    }
  }
  return true;
}

void Comparer::Paired(PyObject* name, PyObject* value, shm::CborWriter* out) {
  encoder_->Append(name, out);
  if (context_->RedactsName(name)) {
    encoder_->RememberSecret(value);
    out->Raw(encoder_->EncodeRedacted());
  } else {
    encoder_->Append(value, out);
  }
}

bool Comparer::PatchPairs(const std::vector<Mark>& old, const std::vector<Mark>& now, PyObject* const* objects,
                          int set_op, int delete_op, shm::CborWriter* out) {
  std::size_t i = 0, j = 0;
  while (i < old.size() && j < now.size()) {
    if (SameMark(old[i], now[j])) {
      if (!SameMark(old[i + 1], now[j + 1])) {
        if (!Operation(out, 3, set_op)) return false;
        Paired(objects[j], objects[j + 1], out);
      }
      i += 2;
      j += 2;
    } else {
      if (!Operation(out, 2, delete_op)) return false;
      out->Unsigned(j / 2);
      i += 2;
    }
  }
  for (; i < old.size(); i += 2) {
    if (!Operation(out, 2, delete_op)) return false;
    out->Unsigned(j / 2);
  }
  for (; j < now.size(); j += 2) {
    if (!Operation(out, 3, set_op)) return false;
    Paired(objects[j], objects[j + 1], out);
  }
  return !out->overflow();
}

bool Comparer::Patch(const Picture& old, PyObject* object, const TypeInfo& info, shm::CborWriter* out) {
  if (old.shape == Shape::kSet || old.shape == Shape::kFrozenSet || old.shape == Shape::kTuple) return false;
  MarkParts(object, info, &now_);
  now_.deep_hash = now_.print = 0;
  ops_ = 0;
  most_ops_ = static_cast<int>((old.items.size() + old.attributes.size()) / 4) + 4;
  const std::size_t array = out->BeginArray();
  const bool dict = IsDict(old.shape);
  bool fits;
  if (dict) {
    fits = PatchPairs(old.items, now_.items, parts_.items, kPatchSetKey, kPatchRemove, out);
  } else {
    fits = PatchSequence(old, out);
  }
  fits = fits && PatchPairs(old.attributes, now_.attributes, parts_.attributes, kPatchSetAttribute,
                            kPatchRemoveAttribute, out);
  if (!fits) return false;
  const auto cut = [&](const Picture& p) {
    return p.shape == Shape::kObject ? p.attribute_total - static_cast<Py_ssize_t>(p.attributes.size() / 2)
                                     : p.total - static_cast<Py_ssize_t>(dict ? p.items.size() / 2 : p.items.size());
  };
  if (cut(old) != cut(now_)) {
    if (!Operation(out, 2, kPatchCut)) return false;
    out->Int(cut(now_));
  }
  out->EndArray(array, static_cast<std::size_t>(ops_));
  return !out->overflow();
}

}  // namespace smiley::tracer
