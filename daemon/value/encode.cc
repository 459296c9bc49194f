// Encodes values as CBOR for snapshots: the forms of shm/FORMAT.md, with tag 7 around parts that were read earlier.
#include "daemon/value/forms.h"
#include "daemon/value/text_codec.h"
#include "daemon/value/value.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

class Encoding {
 public:
  Encoding(std::string* out, ReadAt at) : w_(out), at_(at) {}

  void Write(const Value& value, bool may_be_earlier) {
    if (may_be_earlier && ShowsReadAt(value) && value.read_at.seq != 0 && value.read_at != at_) {
      w_.Tag(shm::kCborReadAtTag);
      w_.ArrayHeader(3);
      w_.Unsigned(value.read_at.thread);
      w_.Unsigned(value.read_at.seq);
    }
    switch (value.type) {
      case Value::Type::kNone:
        w_.Null();
        return;
      case Value::Type::kBool:
        w_.Bool(value.flag);
        return;
      case Value::Type::kInt:
        w_.Int(value.integer);
        return;
      case Value::Type::kFloat:
        w_.Double(value.number);
        return;
      case Value::Type::kStr:
        w_.Text(value.text);
        return;
      case Value::Type::kBytes:
        w_.Bytes(value.text);
        return;
      case Value::Type::kForm:
        break;
    }
    Form(value);
  }

 private:
  void Begin(const Value& value, std::uint64_t fields) {
    w_.Form(fields + 1);
    w_.Unsigned(value.form);
  }
  void Name(std::string_view text) {
    if (IsUtf8(text)) {
      w_.Text(text);
    } else {
      w_.Bytes(text);
    }
  }
  void Items(const std::vector<ValuePtr>& items) {
    w_.ArrayHeader(items.size());
    for (const ValuePtr& item : items) Write(*item, true);
  }
  void Attributes(const Value& value) {
    w_.ArrayHeader(value.attributes.size() * 2);
    for (const auto& [name, attribute] : value.attributes) {
      Name(name);
      Write(*attribute, true);
    }
  }

  void Form(const Value& value) {
    switch (value.form) {
      case kFormRef:
        Begin(value, 1);
        w_.Unsigned(value.id);
        return;
      case kFormObject:
        Begin(value, value.has_items ? 4 : 3);
        w_.Unsigned(value.id);
        w_.Unsigned(value.cut);
        Name(value.class_name);
        if (value.has_items) Attributes(value);
        return;
      case kFormStrCut:
      case kFormStrRaw:
      case kFormBytesCut:
        Begin(value, 2);
        w_.Unsigned(value.cut);
        if (value.form == kFormStrCut) {
          Name(value.text);
        } else {
          w_.Bytes(value.text);
        }
        return;
      case kFormBytearray:
        Begin(value, 3);
        w_.Unsigned(value.id);
        w_.Unsigned(value.cut);
        w_.Bytes(value.text);
        return;
      case kFormBigInt:
        Begin(value, 2);
        w_.Unsigned(static_cast<std::uint64_t>(value.integer));
        Name(value.text);
        return;
      case kFormComplex:
        Begin(value, 2);
        w_.Double(value.number);
        w_.Double(value.imag);
        return;
      case kFormText:
        Begin(value, value.class_name.empty() ? 2 : 3);
        Name(value.type_name);
        Name(value.text);
        if (!value.class_name.empty()) Name(value.class_name);
        return;
      case kFormException:
        Exception(value);
        return;
      case kFormSubclass:
        Begin(value, value.has_items ? 3 : 2);
        Name(value.class_name);
        Write(value.Builtin(), false);
        if (value.has_items) Attributes(value);
        return;
      case kFormUnreadable:
        Begin(value, 1);
        Name(value.class_name);
        return;
      case kFormRedacted:
      case kFormLost:
      case kFormUnbound:
        Begin(value, 0);
        return;
      default:  // the containers
        Begin(value, value.has_items ? 3 : 2);
        w_.Unsigned(value.id);
        w_.Unsigned(value.cut);
        if (value.has_items) Items(value.items);
        return;
    }
  }

  void Exception(const Value& value) {
    Begin(value, 6);
    w_.Unsigned(value.id);
    Name(value.class_name);
    Items(value.items);
    w_.ArrayHeader(value.notes.size());
    for (const std::string& note : value.notes) Name(note);
    for (const ValuePtr& link : {value.cause, value.context}) {
      if (link == nullptr) {
        w_.Null();
      } else {
        Write(*link, true);
      }
    }
  }

  shm::CborWriter w_;
  const ReadAt at_;
};

}  // namespace

void EncodeValue(std::string* out, const Value& value) { Encoding(out, value.read_at).Write(value, false); }

}  // namespace smiley::daemon
