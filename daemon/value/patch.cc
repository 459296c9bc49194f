#include <algorithm>
#include <atomic>

#include "daemon/value/forms.h"
#include "daemon/value/value.h"
#include "shm/cbor.h"
#include "shm/forms.h"

namespace smiley::daemon {
namespace {

using shm::CborReader;
using enum shm::PatchOperation;

constexpr std::size_t kMaxPatchedItems = 1u << 20;  // patches never grow a container beyond this

class Patching {
 public:
  Patching(Value* value, Value* inner, std::string_view patch, ReadAt at)
      : value_(*value), inner_(*inner), patch_(patch), reader_(patch), at_(at) {}

  bool Run() {
    std::uint64_t operations = 0;
    if (!reader_.ReadArray(&operations)) return false;
    for (std::uint64_t i = 0; i < operations; ++i) {
      std::uint64_t count = 0, op = 0;
      if (!reader_.ReadArray(&count) || count == 0 || !reader_.ReadUnsigned(&op) || !Apply(op, count - 1))
        return false;
    }
    return reader_.rest().empty();
  }

 private:
  ValuePtr ReadValue() {
    std::size_t used = 0;
    auto value = DecodeValue(reader_.rest(), at_, &used);
    if (!value || !reader_.Skip()) return nullptr;
    return std::move(*value);
  }

  bool Apply(std::uint64_t op, std::uint64_t fields) {
    switch (op) {
      case kPatchSetItem:
        return fields == 2 && SetItem();
      case kPatchTruncate:
        return fields == 1 && Truncate();
      case kPatchAppend:
        return Append(fields);
      case kPatchSetKey:
        return fields == 2 && SetKey();
      case kPatchDeleteKey:
        return fields == 1 && DeleteKey();
      case kPatchSetAttribute:
        return fields == 2 && SetAttribute();
      case kPatchDeleteAttribute:
        return fields == 1 && DeleteAttribute();
      case kPatchCut:
        return fields == 1 && reader_.ReadUnsigned(&inner_.cut);
      case kPatchRemove:
        return fields == 1 && Remove();
      case kPatchRemoveAttribute:
        return fields == 1 && RemoveAttribute();
      default:
        return false;
    }
  }

  bool IsSequence() const {
    return inner_.type == Value::Type::kForm && IsSequenceForm(inner_.form) && inner_.has_items;
  }
  bool IsDict() const { return inner_.type == Value::Type::kForm && IsDictForm(inner_.form) && inner_.has_items; }

  bool SetItem() {
    std::uint64_t index = 0;
    if (!IsSequence() || !reader_.ReadUnsigned(&index) || index >= inner_.items.size()) return false;
    ValuePtr item = ReadValue();
    if (item == nullptr) return false;
    inner_.items[static_cast<std::size_t>(index)] = std::move(item);
    return true;
  }

  bool Truncate() {
    std::uint64_t length = 0;
    const std::size_t step = IsDict() ? 2 : 1;
    if ((!IsSequence() && !IsDict()) || !reader_.ReadUnsigned(&length) || length > inner_.items.size() / step)
      return false;
    inner_.items.resize(static_cast<std::size_t>(length) * step);
    return true;
  }

  bool Append(std::uint64_t fields) {
    if (!IsSequence() || inner_.items.size() + fields > kMaxPatchedItems) return false;
    for (std::uint64_t i = 0; i < fields; ++i) {
      ValuePtr item = ReadValue();
      if (item == nullptr) return false;
      inner_.items.push_back(std::move(item));
    }
    return true;
  }

  // The index of the pair with this key, or the end.
  std::size_t Find(const Value& key) const {
    std::size_t i = 0;
    while (i < inner_.items.size() && !SameValue(*inner_.items[i], key)) i += 2;
    return i;
  }

  bool SetKey() {
    if (!IsDict() || inner_.items.size() + 2 > kMaxPatchedItems) return false;
    ValuePtr key = ReadValue();
    ValuePtr item = key == nullptr ? nullptr : ReadValue();
    if (item == nullptr) return false;
    const std::size_t at = Find(*key);
    if (at < inner_.items.size()) {
      inner_.items[at + 1] = std::move(item);
    } else {
      inner_.items.push_back(std::move(key));
      inner_.items.push_back(std::move(item));
    }
    return true;
  }

  bool DeleteKey() {
    const ValuePtr key = IsDict() ? ReadValue() : nullptr;
    if (key == nullptr) return false;
    const std::size_t at = Find(*key);
    if (at >= inner_.items.size()) return false;
    const auto pair = inner_.items.begin() + static_cast<std::ptrdiff_t>(at);
    inner_.items.erase(pair, pair + 2);
    return true;
  }

  bool Remove() {
    std::uint64_t index = 0;
    const std::size_t step = IsDict() ? 2 : 1;
    if ((!IsSequence() && !IsDict()) || !reader_.ReadUnsigned(&index) || index >= inner_.items.size() / step)
      return false;
    const auto first = inner_.items.begin() + static_cast<std::ptrdiff_t>(index * step);
    inner_.items.erase(first, first + static_cast<std::ptrdiff_t>(step));
    return true;
  }

  bool RemoveAttribute() {
    std::uint64_t index = 0;
    if (!HasAttributes() || !reader_.ReadUnsigned(&index) || index >= value_.attributes.size()) return false;
    value_.attributes.erase(value_.attributes.begin() + static_cast<std::ptrdiff_t>(index));
    return true;
  }

  bool HasAttributes() const { return value_.Is(kFormSubclass) || (value_.Is(kFormObject) && value_.has_items); }

  auto FindAttribute(std::string_view name) {
    return std::find_if(value_.attributes.begin(), value_.attributes.end(),
                        [&](const auto& attribute) { return attribute.first == name; });
  }

  bool SetAttribute() {
    std::string_view name;
    if (!HasAttributes() || !reader_.ReadTextOrBytes(&name)) return false;
    ValuePtr item = ReadValue();
    if (item == nullptr || value_.attributes.size() >= kMaxPatchedItems) return false;
    if (const auto at = FindAttribute(name); at != value_.attributes.end()) {
      at->second = std::move(item);
    } else {
      value_.attributes.emplace_back(std::string(name), std::move(item));
      value_.has_items = true;
    }
    return true;
  }

  bool DeleteAttribute() {
    std::string_view name;
    if (!HasAttributes() || !reader_.ReadTextOrBytes(&name)) return false;
    const auto at = FindAttribute(name);
    if (at == value_.attributes.end()) return false;
    value_.attributes.erase(at);
    return true;
  }

  Value& value_;
  Value& inner_;  // holds items and cut: value_ itself, or the inner value of a subclass
  std::string_view patch_;
  CborReader reader_;
  ReadAt at_;
};

// Returns a node that may be changed: the given one when nobody else holds it, otherwise a copy.
std::shared_ptr<Value> Own(ValuePtr&& value) {
  if (value.use_count() == 1) {
    std::atomic_thread_fence(std::memory_order_acquire);
    return std::const_pointer_cast<Value>(std::move(value));  // every Value was created non-const, by make_shared
  }
  return std::make_shared<Value>(*value);
}

}  // namespace

Result<ValuePtr> ApplyPatch(ValuePtr&& base, std::string_view patch, ReadAt at) {
  if (base == nullptr || base->Is(kFormLost)) return MakeLost();
  std::shared_ptr<Value> value = Own(std::move(base));
  std::shared_ptr<Value> inner;
  value->read_at = at;
  if (value->Is(kFormSubclass) && !value->items.empty()) {
    inner = Own(std::move(value->items[0]));
    inner->read_at = at;
    value->items[0] = inner;
  }
  if (!Patching(value.get(), inner != nullptr ? inner.get() : value.get(), patch, at).Run()) {
    return Status(Code::kDamaged, "a recorded change of a value is damaged");
  }
  return ValuePtr(std::move(value));
}

Result<ValuePtr> ApplyPatch(const ValuePtr& base, std::string_view patch, ReadAt at) {
  return ApplyPatch(ValuePtr(base), patch, at);
}

}  // namespace smiley::daemon
