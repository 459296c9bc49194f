#include "tracer/values/fingerprint.h"

#include "tracer/values/quick_value.h"

namespace smiley::tracer {

Fingerprint::Fingerprint(CaptureContext* context)
    : context_(context), seen_(static_cast<std::size_t>(context->options->limits.nodes)) {
  for (int depth = 0; depth <= context->options->limits.depth; ++depth) levels_.push_back(std::make_unique<Level>());
}

std::uint64_t Fingerprint::Of(PyObject* object) {
  seen_.Clear();
  nodes_ = context_->options->limits.nodes;
  unsure_ = false;
  print_ = Print(context_->secrets.count());  // a new secret changes the texts that contain it
  Item(object, 0);
  return unsure_ ? 0 : print_.value();
}

void Fingerprint::Item(PyObject* object, int depth) {
  if (--nodes_ < 0) unsure_ = true;
  if (unsure_) return;
  if (const std::uint64_t quick = QuickBits(object)) {
    print_.Mix(quick);
    return;
  }
  const TypeInfo& info = context_->types.OfObject(object);
  if (IsContainer(info.shape) || info.shape == Shape::kObject || (info.subclass && info.attributes)) {
    Inside(object, info, depth);
    return;
  }
  if (info.shape == Shape::kException) {
    unsure_ = true;
    return;
  }
  const std::uint64_t bits = NameBits(object, info, context_->options->limits.chars);
  print_.Mix(bits != 0 ? bits : IdentityBits(object));
  if (info.shape == Shape::kByteArray) print_.Mix(IdentityBits(object));  // it is encoded with its object number
}

void Fingerprint::InPlace(PyObject* object, const TypeInfo& info, int depth) {
  print_.Mix(static_cast<std::uint64_t>(Length(object, info.shape)));
  if (depth >= context_->options->limits.depth) return;
  print_.Mix(0);  // it has no attributes
  const Py_ssize_t limit = context_->options->limits.items;
  if (info.shape == Shape::kList || info.shape == Shape::kTuple) {
    PyObject* const* const items = ItemsOf(object, info.shape);
    for (Py_ssize_t i = 0; i < Py_SIZE(object) && i < limit && !unsure_; ++i) {
      if (items[i] == nullptr) break;  // being built
      Item(items[i], depth + 1);
    }
  } else if (IsDict(info.shape)) {
    ForEachItem(object, limit, [this, depth](PyObject* key, PyObject* value) {
      Item(key, depth + 1);
      Item(value, depth + 1);
      return !unsure_;
    });
  } else {
    Level& level = *levels_[static_cast<std::size_t>(depth)];
    ReadLevel(object, info, limit, &level);
    for (std::size_t i = 0; i < level.items.size() && !unsure_; ++i) Item(level.items[i], depth + 1);
  }
}

void Fingerprint::Inside(PyObject* object, const TypeInfo& info, int depth) {
  print_.Mix(IdentityBits(object));
  // As the encoder does: a builtin value with attributes is written at each occurrence, any other object once.
  if ((IsContainer(info.shape) || info.shape == Shape::kObject) && !seen_.Add(object).fresh) return;
  if (info.subclass) print_.Mix(ValueBits(object, info, context_->options->limits.chars));  // of the builtin part
  if (IsContainer(info.shape) && (depth >= context_->options->limits.depth || !info.subclass))
    return InPlace(object, info, depth);
  Level& level = *levels_[static_cast<std::size_t>(depth)];
  const bool shown = depth < context_->options->limits.depth;
  ReadLevel(object, info, shown ? context_->options->limits.items : 0, &level);
  if (shown) print_.Mix(static_cast<std::uint64_t>(level.total));
  if (shown || info.shape == Shape::kObject) print_.Mix(static_cast<std::uint64_t>(level.attribute_total));
  for (PyObject* item : level.items) {
    Item(item, depth + 1);
    if (unsure_) return;
  }
  for (std::size_t i = 0; i < level.attributes.size(); i += 2) {
    PyObject* name = level.attributes[i];
    print_.Mix(NameBits(name, context_->types.OfObject(name), context_->options->limits.chars));
    Item(level.attributes[i + 1], depth + 1);
    if (unsure_) return;
  }
}

}  // namespace smiley::tracer
