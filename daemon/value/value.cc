#include "daemon/value/value.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <tuple>

#include "daemon/value/forms.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

using shm::CborReader;
using Item = CborReader::Item;
using Node = std::shared_ptr<Value>;

// Nested None, bools and small integers are frequent, so that equal ones share one node, which never changes.
Node Common(const Item& item) {
  constexpr std::size_t kSmall = 256;
  static const std::vector<Node> nodes = [] {
    std::vector<Node> made;
    for (std::size_t i = 0; i < kSmall + 3; ++i) {
      made.push_back(std::make_shared<Value>());
      made[i]->type = i < kSmall ? Value::Type::kInt : i == kSmall ? Value::Type::kNone : Value::Type::kBool;
      made[i]->integer = i < kSmall ? static_cast<std::int64_t>(i) : 0;
      made[i]->flag = i == kSmall + 2;
    }
    return made;
  }();
  switch (item.type) {
    case CborReader::Type::kUnsigned:
      return item.count < kSmall ? nodes[item.count] : nullptr;
    case CborReader::Type::kNull:
      return nodes[kSmall];
    case CborReader::Type::kBool:
      return nodes[kSmall + 1 + (item.flag ? 1 : 0)];
    default:
      return nullptr;
  }
}

// Reads one value. A null node: the bytes are no value.
class Reading {
 public:
  Reading(std::string_view cbor, ReadAt at) : reader_(cbor), at_(at) {}

  // The allowed kinds of value: a tag 7 holds no tag 7, a subclass neither a tag 7 nor a subclass.
  enum class May { kAll, kNoEarlier, kBuiltin };

  Node Read(int depth, May may = May::kAll) {
    if (depth > kMaxValueDepth) return nullptr;
    const Item item = reader_.Next();
    if (item.type == CborReader::Type::kTag) return Tagged(item.count, depth, may);
    if (depth > 0 && may == May::kAll) {
      if (Node common = Common(item)) return common;
    }
    auto node = std::make_shared<Value>();
    node->read_at = at_;
    switch (item.type) {
      case CborReader::Type::kNull:
        break;
      case CborReader::Type::kBool:
        node->type = Value::Type::kBool;
        node->flag = item.flag;
        break;
      case CborReader::Type::kUnsigned:
        if (item.count > static_cast<std::uint64_t>(INT64_MAX)) return nullptr;
        [[fallthrough]];
      case CborReader::Type::kNegative:
        node->type = Value::Type::kInt;
        node->integer = item.integer;
        break;
      case CborReader::Type::kDouble:
        node->type = Value::Type::kFloat;
        node->number = item.number;
        break;
      case CborReader::Type::kText:
        node->type = Value::Type::kStr;
        node->text = item.text;
        break;
      case CborReader::Type::kBytes:
        node->type = Value::Type::kBytes;
        node->text = item.text;
        break;
      default:
        return nullptr;  // an array or map without a form is no value
    }
    return node;
  }
  std::size_t consumed() const { return reader_.consumed(); }

 private:
  Node Tagged(std::uint64_t tag, int depth, May may) {
    std::uint64_t count = 0;
    if (!reader_.ReadArray(&count)) return nullptr;
    if (tag == shm::kCborReadAtTag) return may == May::kAll ? ReadEarlier(count, depth) : nullptr;
    std::uint64_t form = 0;
    if (tag != shm::kCborFormTag || count == 0 || !reader_.ReadUnsigned(&form) || form > kFormUnreadable)
      return nullptr;
    if (form == kFormSubclass && may == May::kBuiltin) return nullptr;
    auto node = std::make_shared<Value>();
    node->read_at = at_;
    node->type = Value::Type::kForm;
    node->form = static_cast<std::uint8_t>(form);
    return ReadForm(*node, count - 1, depth) ? node : nullptr;
  }

  Node ReadEarlier(std::uint64_t count, int depth) {
    std::uint64_t thread = 0, seq = 0;
    if (count != 3 || !reader_.ReadUnsigned(&thread) || !reader_.ReadUnsigned(&seq) || thread > UINT32_MAX)
      return nullptr;
    Node node = Read(depth, May::kNoEarlier);
    if (node != nullptr) node->read_at = {thread != 0 ? static_cast<std::uint32_t>(thread) : at_.thread, seq};
    return node;
  }

  bool ReadName(std::string* name) {
    std::string_view text;
    if (!reader_.ReadTextOrBytes(&text)) return false;
    *name = text;
    return true;
  }
  bool ReadBytes(std::string* bytes) { return ReadName(bytes); }

  bool ReadItems(std::vector<ValuePtr>* items, int depth) {
    std::uint64_t count = 0;
    if (!reader_.ReadArray(&count)) return false;
    items->reserve(static_cast<std::size_t>(std::min<std::uint64_t>(count, 4096)));
    for (std::uint64_t i = 0; i < count; ++i) {
      Node item = Read(depth + 1);
      if (item == nullptr) return false;
      items->push_back(std::move(item));
    }
    return true;
  }

  bool ReadAttributes(Value& node, int depth) {
    std::uint64_t count = 0;
    if (!reader_.ReadArray(&count) || count % 2 != 0) return false;
    node.has_items = true;
    node.attributes.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(count / 2, 4096)));
    for (std::uint64_t i = 0; i < count; i += 2) {
      std::string name;
      if (!ReadName(&name)) return false;
      Node value = Read(depth + 1);
      if (value == nullptr) return false;
      node.attributes.emplace_back(std::move(name), std::move(value));
    }
    return true;
  }

  bool ReadContainer(Value& node, std::uint64_t fields, int depth) {
    if (fields < 2 || fields > 3 || !reader_.ReadUnsigned(&node.id) || !reader_.ReadUnsigned(&node.cut)) return false;
    if (fields == 2) return true;
    node.has_items = true;
    return ReadItems(&node.items, depth) && (!IsDictForm(node.form) || node.items.size() % 2 == 0);
  }

  bool ReadBigInt(Value& node) {
    std::uint64_t bits = 0;
    if (!reader_.ReadUnsigned(&bits) || bits > static_cast<std::uint64_t>(INT64_MAX) || !ReadName(&node.text))
      return false;
    if (!IsDecimal(node.text)) return false;
    node.integer = static_cast<std::int64_t>(bits);
    std::int64_t small = 0;
    const char* end = node.text.data() + node.text.size();
    if (std::from_chars(node.text.data(), end, small).ec == std::errc{}) {
      node.type = Value::Type::kInt;  // the big int fits into 64 bits
      node.form = 0;
      node.integer = small;
      node.text.clear();
    }
    return true;
  }

  bool ReadException(Value& node, int depth) {
    if (!reader_.ReadUnsigned(&node.id) || !ReadName(&node.class_name)) return false;
    node.has_items = true;
    if (!reader_.ReadNull() && !ReadItems(&node.items, depth)) return false;
    std::vector<ValuePtr> notes;
    if (!reader_.ReadNull() && !ReadItems(&notes, depth)) return false;
    for (const ValuePtr& note : notes) {
      if (!note->IsStr() && !note->IsBytes()) return false;
      node.notes.push_back(note->text);
    }
    for (ValuePtr* link : {&node.cause, &node.context}) {
      if (reader_.ReadNull()) continue;
      *link = Read(depth + 1);
      if (*link == nullptr) return false;
    }
    return true;
  }

  bool ReadSubclass(Value& node, std::uint64_t fields, int depth) {
    if (fields < 2 || fields > 3 || !ReadName(&node.class_name)) return false;
    Node inner = Read(depth, May::kBuiltin);
    if (inner == nullptr || !CanBeInner(*inner)) return false;
    inner->read_at = at_;
    node.items.push_back(std::move(inner));
    return fields == 2 || ReadAttributes(node, depth);
  }

  // Reads the items of the array behind the number of the form.
  bool ReadForm(Value& node, std::uint64_t fields, int depth) {
    switch (node.form) {
      case kFormRef:
        return fields == 1 && reader_.ReadUnsigned(&node.id);
      case kFormObject:
        if (fields < 3 || fields > 4 || !reader_.ReadUnsigned(&node.id) || !reader_.ReadUnsigned(&node.cut))
          return false;
        return ReadName(&node.class_name) && (fields == 3 || ReadAttributes(node, depth));
      case kFormStrCut:
      case kFormStrRaw:
      case kFormBytesCut:
        return fields == 2 && reader_.ReadUnsigned(&node.cut) && ReadBytes(&node.text);
      case kFormBytearray:
        return fields == 3 && reader_.ReadUnsigned(&node.id) && reader_.ReadUnsigned(&node.cut) &&
               ReadBytes(&node.text);
      case kFormBigInt:
        return fields == 2 && ReadBigInt(node);
      case kFormComplex:
        return fields == 2 && ReadDouble(&node.number) && ReadDouble(&node.imag);
      case kFormText:
        if (fields < 2 || fields > 3 || !ReadName(&node.type_name) || !ReadName(&node.text)) return false;
        return IsTextType(node.type_name) && (fields == 2 || reader_.ReadNull() || ReadName(&node.class_name));
      case kFormException:
        return fields == 6 && ReadException(node, depth);
      case kFormSubclass:
        return ReadSubclass(node, fields, depth);
      case kFormRedacted:
      case kFormLost:
      case kFormUnbound:
        return fields == 0;
      case kFormUnreadable:
        return fields == 1 && ReadName(&node.class_name);
      default:
        return node.form != kFormNone && ReadContainer(node, fields, depth);
    }
  }

  bool ReadDouble(double* number) {
    const Item item = reader_.Next();
    *number = item.number;
    return item.type == CborReader::Type::kDouble;
  }

  CborReader reader_;
  ReadAt at_;
};

ValuePtr MakeForm(Form form) {
  auto value = std::make_shared<Value>();
  value->type = Value::Type::kForm;
  value->form = form;
  return value;
}

bool SameBits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

bool SamePtr(const ValuePtr& a, const ValuePtr& b) {
  if (a == b) return true;
  return a != nullptr && b != nullptr && SameValue(*a, *b);
}

}  // namespace

ValuePtr MakeLost() {
  static const ValuePtr lost = MakeForm(kFormLost);
  return lost;
}

ValuePtr MakeUnbound() {
  static const ValuePtr unbound = MakeForm(kFormUnbound);
  return unbound;
}

ValuePtr MakeStr(std::string text, ReadAt at) {
  auto value = std::make_shared<Value>();
  value->type = Value::Type::kStr;
  value->text = std::move(text);
  value->read_at = at;
  return value;
}

bool SameValue(const Value& a, const Value& b) {
  const auto scalars = [](const Value& v) {
    return std::tie(v.type, v.form, v.flag, v.has_items, v.integer, v.id, v.cut, v.text, v.type_name, v.class_name,
                    v.notes);
  };
  return scalars(a) == scalars(b) && SameBits(a.number, b.number) && SameBits(a.imag, b.imag) &&
         SamePtr(a.cause, b.cause) && SamePtr(a.context, b.context) &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), SamePtr) &&
         std::equal(a.attributes.begin(), a.attributes.end(), b.attributes.begin(), b.attributes.end(),
                    [](const auto& x, const auto& y) { return x.first == y.first && SamePtr(x.second, y.second); });
}

Result<ValuePtr> DecodeValue(std::string_view cbor, ReadAt at, std::size_t* used) {
  Reading reading(cbor, at);
  Node node = reading.Read(0);
  if (node == nullptr || (used == nullptr && reading.consumed() != cbor.size())) {
    return Status(Code::kDamaged, "a recorded value is damaged");
  }
  if (used != nullptr) *used = reading.consumed();
  return ValuePtr(std::move(node));
}

}  // namespace smiley::daemon
