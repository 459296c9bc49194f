// Comparer::LookQuickly: compares the commonest containers and objects in place, and patches their commonest change.
#include "shm/forms.h"
#include "tracer/shadow/shadow.h"

namespace smiley::tracer {
namespace {

using enum shm::PatchOperation;

// Writes the bytes of a patch without checks. REQUIRES room for them. A CborWriter checks at each step, which makes
// 1.03 of the instructions of a recorded `nbody` and 1.01 of `parser`.
class Writer {
 public:
  explicit Writer(ShortPatch* patch) : patch_(patch), to_(reinterpret_cast<unsigned char*>(patch->words)) {
    std::memset(patch->words, 0, sizeof patch->words);
    Byte(0x81);  // an array with one operation
    Byte(0x83);  // the operation: an array of its number, the place and the value
  }
  void Byte(unsigned char byte) { *to_++ = byte; }
  void Bytes(const void* bytes, std::size_t size) {
    std::memcpy(to_, bytes, size);
    to_ += size;
  }
  void End(const QuickCbor& value) {
    std::memcpy(to_, value.words, sizeof value.words);
    to_ += value.size;
    patch_->size = static_cast<std::size_t>(to_ - reinterpret_cast<unsigned char*>(patch_->words));
  }

 private:
  ShortPatch* patch_;
  unsigned char* to_;
};

constexpr std::size_t kShortText = 23;  // bytes; the CBOR length fits into the first byte
constexpr std::size_t kShortIndex = 24;
static_assert(2 + 1 + 1 + kShortText + sizeof QuickCbor::words <= sizeof ShortPatch::words);

}  // namespace

bool Comparer::PatchItem(Shadow* shadow, PyObject* const* items, std::size_t at, ShortPatch* patch) {
  Picture* picture = shadow->picture.get();
  if (at >= kShortIndex || items[at] == nullptr || shadow->picture.use_count() > 1) return false;
  const QuickCbor value(items[at]);
  if (value.size == 0 || FirstOther(picture->items, items, at + 1) != picture->items.size()) return false;
  Writer out(patch);
  out.Byte(kPatchSetItem);
  out.Byte(static_cast<unsigned char>(at));
  out.End(value);
  NotePatched(picture, &picture->items[at], items[at]);
  return true;
}

Comparer::Glance Comparer::LookAtAttributes(Shadow* shadow, PyObject* object, ShortPatch* patch) {
  const Picture& picture = *shadow->picture;
  SmileyAttributes at;
  smiley_attributes(object, &at);
  const Mark* mark = picture.attributes.data();
  if (at.names != nullptr && at.names == picture.names && at.count == picture.attribute_total) {
    // Instances of one class share the names, in the same order.
    for (Py_ssize_t i = 0; i < at.count; ++i) {
      if (at.values[i] == nullptr) return Glance::kUnsure;
      if (!QuickSameItem(mark[2 * i + 1], at.values[i]))
        return PatchAttribute(shadow, at, i, patch) ? Glance::kPatched : Glance::kUnsure;
    }
    return Glance::kSame;
  }
  if (at.dict != nullptr || !HasPlainAttributes(context_->types.OfObject(object))) return Glance::kUnsure;
  const Mark* const end = mark + picture.attributes.size();
  for (Py_ssize_t i = 0; i < at.count; ++i) {
    PyObject* value = at.values[i];
    if (value == nullptr || at.names[2 * i] == nullptr) continue;
    if (mark == end || !QuickSameName(*mark, at.names[2 * i]) || !QuickSameItem(mark[1], value))
      return Glance::kUnsure;
    mark += 2;
  }
  return mark == end && 2 * picture.attribute_total == end - picture.attributes.data() ? Glance::kSame
                                                                                       : Glance::kUnsure;
}

bool Comparer::PatchAttribute(Shadow* shadow, const SmileyAttributes& at, Py_ssize_t first, ShortPatch* patch) {
  Picture* picture = shadow->picture.get();
  const QuickCbor value(at.values[first]);
  if (value.size == 0 || shadow->picture.use_count() > 1) return false;
  PyObject* name = at.names[2 * first];
  if (!PyUnicode_IS_ASCII(name) || PyUnicode_GET_LENGTH(name) > static_cast<Py_ssize_t>(kShortText) ||
      context_->RedactsName(name))
    return false;
  for (Py_ssize_t i = first + 1; i < at.count; ++i) {
    if (at.values[i] == nullptr ||
        !QuickSameItem(picture->attributes[static_cast<std::size_t>(2 * i + 1)], at.values[i]))
      return false;
  }
  const std::size_t length = static_cast<std::size_t>(PyUnicode_GET_LENGTH(name));
  Writer out(patch);
  out.Byte(kPatchSetAttribute);
  out.Byte(static_cast<unsigned char>(0x60 | length));
  out.Bytes(PyUnicode_DATA(name), length);
  out.End(value);
  NotePatched(picture, &picture->attributes[static_cast<std::size_t>(2 * first + 1)], at.values[first]);
  return true;
}

}  // namespace smiley::tracer
