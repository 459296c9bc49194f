// Encoder's part for containers: lists, tuples, sets, dicts and their subclasses.
#include <algorithm>

#include "tracer/values/encoder.h"

namespace smiley::tracer {
namespace {

int ContainerForm(Shape shape) {
  switch (shape) {
    case Shape::kList:
      return kFormList;
    case Shape::kTuple:
      return kFormTuple;
    case Shape::kSet:
      return kFormSet;
    case Shape::kFrozenSet:
      return kFormFrozenset;
    case Shape::kDeque:
      return kFormDeque;
    case Shape::kDefaultDict:
      return kFormDefaultdict;
    case Shape::kCounter:
      return kFormCounter;
    case Shape::kOrderedDict:
      return kFormOrderedDict;
    default:
      return kFormDict;
  }
}

}  // namespace

void Encoder::WriteContainer(PyObject* object, const TypeInfo& info, int depth, Py_ssize_t limit,
                             shm::CborWriter* out) {
  if (out->overflow())
    return;  // Truncate below would clear the overflow, and the key before this value would be lost
  const std::size_t seen = seen_.size();
  std::uint64_t id;
  if (FindReference(object, &id, out)) return;
  if (depth > 0) nested_ = true;
  const std::size_t start = out->size();
  const bool dict = IsDict(info.shape);
  if (info.subclass) {
    print_.Mix(ValueBits(object, info, context_->options->limits.chars));
    out->Form(3);
    out->Int(kFormSubclass);
    out->Text(info.name);
  }
  if (depth >= context_->options->limits.depth) {
    const Py_ssize_t total = Length(object, info.shape);
    out->Form(3);
    out->Int(ContainerForm(info.shape));
    out->Unsigned(id);
    out->Int(total);
    print_.Mix(static_cast<std::uint64_t>(total));
    return;
  }
  if (WriteSmallContainer(object, info, depth, id, out)) return;
  while (levels_.size() <= static_cast<std::size_t>(depth)) levels_.push_back(std::make_unique<Level>());
  while (kept_.size() <= levels_.size()) kept_.emplace_back();
  Level& level = *levels_[static_cast<std::size_t>(depth)];
  for (Py_ssize_t take = limit;;) {
    ReadLevel(object, info, take, &level);
    MixTotals(level);
    const std::size_t count = level.items.size();
    const Py_ssize_t kept = static_cast<Py_ssize_t>(dict ? count / 2 : count);
    const bool attributes = info.subclass && !level.attributes.empty();
    if (info.subclass) {
      out->Truncate(start);
      out->Form(attributes ? 4 : 3);
      out->Int(kFormSubclass);
      out->Text(info.name);
    }
    out->Form(4);
    out->Int(ContainerForm(info.shape));
    out->Unsigned(id);
    out->Int(std::max<Py_ssize_t>(level.total - kept, 0));
    out->ArrayHeader(count);
    std::size_t done = 0;
    const int nodes = nodes_;
    std::vector<Kept>& kept_items = kept_[static_cast<std::size_t>(depth)];
    kept_items.assign(1, {out->size(), seen_.size(), nodes_});
    for (; done < count; done += dict ? 2 : 1) {
      if (nodes_ <= 0) break;
      if (dict) {
        const bool hide = context_->RedactsName(level.items[done]);
        WriteItem(level.items[done], depth + 1, out);
        if (hide) {
          WriteRedacted(level.items[done + 1], out);
        } else {
          WritePart(level.items[done + 1], depth + 1, out);
        }
      } else if (done < info.fields.size() && context_->RedactsName(info.fields[done])) {
        WriteRedacted(level.items[done], out);
      } else {
        WritePart(level.items[done], depth + 1, out);
      }
      if (out->overflow()) break;
      kept_items.push_back({out->size(), seen_.size(), nodes_});
    }
    if (done < count && !info.subclass) {
      if (Shorten(kept_items, start, ContainerForm(info.shape), id, level.total, dict ? 2 : 1, out)) return;
      done = 0;
    }
    bool cut = false;
    if (done == count && attributes) {
      WriteAttributes(level, depth, static_cast<Py_ssize_t>(level.attributes.size() / 2), out, &cut);
    }
    if (done == count && !out->overflow() && !cut) return;
    // The container does not fit. It is written again with the items that did.
    whole_ = false;
    out->Truncate(start);
    ForgetSeen(seen + 1);
    nodes_ = nodes;
    const Py_ssize_t fitted = static_cast<Py_ssize_t>(dict ? done / 2 : done);
    if (take == 0) {
      out->Form(2);
      out->Int(kFormUnreadable);
      out->Text(info.name);
      return;
    }
    take = done == count ? kept / 2 : std::min(fitted, take - 1);
  }
}

bool Encoder::WriteSmallContainer(PyObject* object, const TypeInfo& info, int depth, std::uint64_t id,
                                  shm::CborWriter* out) {
  const bool dict = IsDict(info.shape);
  if (info.subclass || (!dict && info.shape != Shape::kList && info.shape != Shape::kTuple)) return false;
  const Py_ssize_t total = Length(object, info.shape);
  if (total > kFewItems || total > context_->options->limits.items) return false;
  const std::size_t start = out->size(), seen = seen_.size(), parts = parts_.size();
  const Print print = print_;
  const int nodes = nodes_;
  print_.Mix(static_cast<std::uint64_t>(total));
  print_.Mix(0);  // it has no attributes
  out->Form(4);
  out->Int(ContainerForm(info.shape));
  out->Unsigned(id);
  out->Int(0);
  out->ArrayHeader(static_cast<std::uint64_t>(dict ? 2 * total : total));
  bool fits = true;
  if (dict) {
    ForEachItem(object, total, [&](PyObject* key, PyObject* value) {
      fits = nodes_ > 0;
      WriteItem(key, depth + 1, out);
      if (context_->RedactsName(key)) {
        WriteRedacted(value, out);
      } else {
        WritePart(value, depth + 1, out);
      }
      return fits;
    });
  } else {
    PyObject* const* const items = ItemsOf(object, info.shape);
    for (Py_ssize_t i = 0; fits && i < total; ++i) {
      fits = nodes_ > 0 && items[i] != nullptr;  // null: the container is being built
      if (fits) WritePart(items[i], depth + 1, out);
    }
  }
  if (fits && !out->overflow()) return true;
  out->Truncate(start);
  ForgetSeen(seen);
  parts_.resize(parts);
  print_ = print;
  nodes_ = nodes;
  return false;
}

bool Encoder::Shorten(const std::vector<Kept>& kept, std::size_t start, int form, std::uint64_t id, Py_ssize_t total,
                      int per_item, shm::CborWriter* out) {
  const std::size_t begin = kept[0].size;
  whole_ = false;
  scratch_.assign(reinterpret_cast<const char*>(out->data()) + begin, kept.back().size - begin);
  for (std::size_t items = kept.size() - 1; items > 0; --items) {
    const Kept& end = kept[items];
    out->Truncate(start);
    out->Form(4);
    out->Int(form);
    out->Unsigned(id);
    out->Int(total - static_cast<Py_ssize_t>(items));
    out->ArrayHeader(items * static_cast<std::size_t>(per_item));
    out->Raw(std::string_view(scratch_).substr(0, end.size - begin));
    if (out->overflow()) continue;
    ForgetSeen(end.seen);
    nodes_ = end.nodes;
    return true;
  }
  return false;
}

}  // namespace smiley::tracer
