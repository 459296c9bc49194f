#include <simdjson.h>

#include <charconv>
#include <optional>

#include "daemon/value/forms.h"
#include "daemon/value/text_codec.h"
#include "daemon/value/value.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

namespace dom = simdjson::dom;
using shm::CborWriter;

std::optional<dom::element> Field(const dom::object& object, std::string_view name) {
  dom::element element;
  if (object.at_key(name).get(element) != simdjson::SUCCESS) return std::nullopt;
  return element;
}

bool TextOf(const dom::element& element, std::string* text) {
  std::string_view plain;
  if (element.get_string().get(plain) == simdjson::SUCCESS) {
    *text = plain;
    return true;
  }
  dom::object object;
  if (element.get_object().get(object) != simdjson::SUCCESS) return false;
  const auto base64 = Field(object, "base64");
  if (!base64 || base64->get_string().get(plain) != simdjson::SUCCESS) return false;
  auto bytes = DecodeBase64(plain);
  if (!bytes) return false;
  *text = std::move(*bytes);
  return true;
}

// Writes one JSON value as CBOR. False: the value breaks the contract.
class Importing {
 public:
  explicit Importing(CborWriter* out) : out_(*out) {}

  bool Write(const dom::element& element, int depth) {
    if (depth > kMaxValueDepth) return false;
    switch (element.type()) {
      case dom::element_type::NULL_VALUE:
        out_.Null();
        return true;
      case dom::element_type::BOOL:
        out_.Bool(bool(element));
        return true;
      case dom::element_type::INT64:
        out_.Int(std::int64_t(element));
        return true;
      case dom::element_type::UINT64:
        return WriteInt(std::to_string(std::uint64_t(element)), 0);
      case dom::element_type::DOUBLE:
        out_.Double(double(element));
        return true;
      case dom::element_type::STRING:
        out_.Text(std::string_view(element));
        return true;
      case dom::element_type::OBJECT:
        return WriteObject(dom::object(element), depth);
      default:
        return false;
    }
  }

 private:
  bool WriteName(const dom::element& element) {
    std::string name;
    if (!TextOf(element, &name)) return false;
    WriteText(name);
    return true;
  }
  void WriteText(std::string_view text) {
    if (IsUtf8(text)) {
      out_.Text(text);
    } else {
      out_.Bytes(text);
    }
  }
  // Reads a number that may be absent.
  static bool NumberOf(const dom::object& object, std::string_view name, std::uint64_t* number) {
    const auto field = Field(object, name);
    return !field || field->get_uint64().get(*number) == simdjson::SUCCESS;
  }

  bool WriteObject(const dom::object& object, int depth) {
    const auto type_field = Field(object, "$type");
    std::string_view type;
    if (!type_field || type_field->get_string().get(type) != simdjson::SUCCESS) return false;
    if (depth > 0 && !WriteAsOf(object)) return false;
    const bool has_class = Field(object, "class").has_value();
    const auto attributes = Field(object, "attributes");
    const bool own_class = type == "object" || type == "exception" || IsTextType(type);
    if (type == "object" || !has_class || (own_class && !attributes))
      return WriteInner(object, type, depth, own_class);
    out_.Form(attributes ? 4 : 3);
    out_.Int(kFormSubclass);
    if (!WriteName(*Field(object, "class")) || !WriteInner(object, type, depth, type == "exception")) return false;
    return !attributes || WriteAttributes(*attributes, depth);
  }

  bool WriteAsOf(const dom::object& object) {
    const auto field = Field(object, "asof");
    if (!field) return true;
    std::string_view text;
    if (field->get_string().get(text) != simdjson::SUCCESS) return false;
    std::uint32_t thread = 0;
    std::uint64_t seq = 0;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, thread);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ':') return false;
    const auto second = std::from_chars(first.ptr + 1, end, seq);
    if (second.ec != std::errc{} || second.ptr != end) return false;
    out_.Tag(shm::kCborReadAtTag);
    out_.ArrayHeader(3);
    out_.Unsigned(thread);
    out_.Unsigned(seq);
    return true;
  }

  bool WriteAttributes(const dom::element& element, int depth) {
    if (dom::object object; element.get_object().get(object) == simdjson::SUCCESS) {
      out_.ArrayHeader(2 * Count(object));
      for (const dom::key_value_pair entry : object) {
        out_.Text(entry.key);
        if (!Write(entry.value, depth + 1)) return false;
      }
      return true;
    }
    dom::array pairs;
    if (element.get_array().get(pairs) != simdjson::SUCCESS) return false;
    out_.ArrayHeader(2 * Count(pairs));
    for (const dom::element pair : pairs) {
      dom::array both;
      if (pair.get_array().get(both) != simdjson::SUCCESS || Count(both) != 2) return false;
      if (!WriteName(*both.begin()) || !Write(*++both.begin(), depth + 1)) return false;
    }
    return true;
  }

  // size() of simdjson saturates at 2^24 - 1.
  template <typename Container>
  static std::uint64_t Count(const Container& container) {
    std::uint64_t count = 0;
    for (auto it = container.begin(); it != container.end(); ++it) ++count;
    return count;
  }

  bool WriteItems(const dom::element& element, bool pairs, int depth) {
    dom::array items;
    if (element.get_array().get(items) != simdjson::SUCCESS) return false;
    out_.ArrayHeader(Count(items) * (pairs ? 2 : 1));
    for (const dom::element item : items) {
      if (!pairs) {
        if (!Write(item, depth + 1)) return false;
        continue;
      }
      dom::array pair;
      if (item.get_array().get(pair) != simdjson::SUCCESS || Count(pair) != 2) return false;
      for (const dom::element part : pair) {
        if (!Write(part, depth + 1)) return false;
      }
    }
    return true;
  }

  bool WriteContainer(const dom::object& object, std::uint8_t form, int depth) {
    std::uint64_t id = 0, cut = 0;
    if (!NumberOf(object, "id", &id) || !NumberOf(object, "cut", &cut)) return false;
    const auto items = Field(object, "items");
    out_.Form(items ? 4 : 3);
    out_.Int(form);
    out_.Unsigned(id);
    out_.Unsigned(cut);
    return !items || WriteItems(*items, IsDictForm(form), depth);
  }

  bool WriteTextForm(const dom::object& object, std::string_view type, bool with_class) {
    const auto text = Field(object, "text");
    const auto class_name = Field(object, "class");
    const bool classed = with_class && class_name;
    if (!text || !IsTextType(type)) return false;
    out_.Form(classed ? 4 : 3);
    out_.Int(kFormText);
    out_.Text(type);
    return WriteName(*text) && (!classed || WriteName(*class_name));
  }

  bool WriteInt(const std::string& text, std::uint64_t bits) {
    if (!IsDecimal(text)) return false;
    std::int64_t small = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), small).ec == std::errc{}) {
      out_.Int(small);
      return true;
    }
    out_.Form(3);
    out_.Int(kFormBigInt);
    out_.Unsigned(bits);
    out_.Text(text);
    return true;
  }

  bool WriteDouble(const dom::element& element) {
    double number = 0;
    if (element.get_double().get(number) == simdjson::SUCCESS) {
      out_.Double(number);
      return true;
    }
    dom::object object;
    return element.get_object().get(object) == simdjson::SUCCESS && WriteFloatText(object);
  }
  bool WriteFloatText(const dom::object& object) {
    const auto field = Field(object, "text");
    std::string_view text;
    if (!field || field->get_string().get(text) != simdjson::SUCCESS) return false;
    const auto number = ParseFloat(text);
    if (!number) return false;
    out_.Double(*number);
    return true;
  }

  bool WriteStr(const dom::object& object) {
    std::uint64_t cut = 0;
    if (!NumberOf(object, "cut", &cut)) return false;
    const auto plain = Field(object, "text");
    std::string text;
    if (plain) {
      if (!TextOf(*plain, &text)) return false;
    } else if (!Base64Of(object, &text)) {
      return false;
    }
    const bool valid = IsUtf8(text);
    if (valid && cut == 0) {
      out_.Text(text);
      return true;
    }
    out_.Form(3);
    out_.Int(valid ? kFormStrCut : kFormStrRaw);
    out_.Unsigned(cut);
    WriteText(text);
    return true;
  }

  static bool Base64Of(const dom::object& object, std::string* bytes) {
    const auto field = Field(object, "base64");
    std::string_view text;
    if (!field || field->get_string().get(text) != simdjson::SUCCESS) return false;
    auto decoded = DecodeBase64(text);
    if (decoded) *bytes = std::move(*decoded);
    return decoded.has_value();
  }

  bool WriteBytes(const dom::object& object, bool array) {
    std::uint64_t id = 0, cut = 0;
    std::string bytes;
    if (!Base64Of(object, &bytes) || !NumberOf(object, "id", &id) || !NumberOf(object, "cut", &cut)) return false;
    if (array || cut != 0) {
      out_.Form(array ? 4 : 3);
      out_.Int(array ? kFormBytearray : kFormBytesCut);
      if (array) out_.Unsigned(id);
      out_.Unsigned(cut);
    }
    out_.Bytes(bytes);
    return true;
  }

  bool WritePlainObject(const dom::object& object, int depth) {
    const auto class_name = Field(object, "class");
    if (!class_name) return false;
    if (!Field(object, "id")) {
      out_.Form(2);
      out_.Int(kFormUnreadable);
      return WriteName(*class_name);
    }
    std::uint64_t id = 0, cut = 0;
    if (!NumberOf(object, "id", &id) || !NumberOf(object, "cut", &cut)) return false;
    const auto attributes = Field(object, "attributes");
    out_.Form(attributes ? 5 : 4);
    out_.Int(kFormObject);
    out_.Unsigned(id);
    out_.Unsigned(cut);
    return WriteName(*class_name) && (!attributes || WriteAttributes(*attributes, depth));
  }

  bool WriteException(const dom::object& object, int depth) {
    std::uint64_t id = 0;
    const auto class_name = Field(object, "class");
    if (!class_name || !NumberOf(object, "id", &id)) return false;
    out_.Form(7);
    out_.Int(kFormException);
    out_.Unsigned(id);
    if (!WriteName(*class_name)) return false;
    if (const auto args = Field(object, "args")) {
      if (!WriteItems(*args, false, depth)) return false;
    } else {
      out_.ArrayHeader(0);
    }
    dom::array notes;
    const auto notes_field = Field(object, "notes");
    if (notes_field && notes_field->get_array().get(notes) != simdjson::SUCCESS) return false;
    out_.ArrayHeader(notes_field ? Count(notes) : 0);
    if (notes_field) {
      for (const dom::element note : notes) {
        if (!WriteName(note)) return false;
      }
    }
    for (const char* name : {"cause", "context"}) {
      const auto link = Field(object, name);
      if (!link) {
        out_.Null();
      } else if (!Write(*link, depth + 1)) {
        return false;
      }
    }
    return true;
  }

  bool WriteInner(const dom::object& object, std::string_view type, int depth, bool with_class) {
    if (const std::uint8_t form = ContainerForm(type)) return WriteContainer(object, form, depth);
    if (type == "str") return WriteStr(object);
    if (type == "bytes" || type == "bytearray") return WriteBytes(object, type == "bytearray");
    if (type == "float") return WriteFloatText(object);
    if (type == "object") return WritePlainObject(object, depth);
    if (type == "exception") return WriteException(object, depth);
    if (type == "int") {
      std::uint64_t bits = 0;
      std::string text;
      const auto field = Field(object, "text");
      return field && TextOf(*field, &text) && NumberOf(object, "bits", &bits) && WriteInt(text, bits);
    }
    if (type == "complex") {
      const auto real = Field(object, "real"), imag = Field(object, "imag");
      out_.Form(3);
      out_.Int(kFormComplex);
      return real && imag && WriteDouble(*real) && WriteDouble(*imag);
    }
    if (type == "ref") {
      std::uint64_t id = 0;
      out_.Form(2);
      out_.Int(kFormRef);
      const bool ok = NumberOf(object, "id", &id);
      out_.Unsigned(id);
      return ok;
    }
    if (type == "redacted" || type == "lost" || type == "unbound") {
      out_.Form(1);
      out_.Int(type == "redacted" ? kFormRedacted : type == "lost" ? kFormLost : kFormUnbound);
      return true;
    }
    return WriteTextForm(object, type, with_class);
  }

  CborWriter& out_;
};

Result<dom::element> Parse(std::string_view json) {
  thread_local dom::parser parser;
  dom::element element;
  if (const auto error = parser.parse(json.data(), json.size()).get(element)) {
    return Status(Code::kInvalid, std::string("not JSON: ") + simdjson::error_message(error));
  }
  return element;
}

}  // namespace

Result<std::string> CborFromJson(std::string_view json) {
  const auto element = Parse(json);
  if (!element) return element.status();
  std::string out;
  {
    CborWriter writer(&out);
    if (!Importing(&writer).Write(*element, 0)) {
      return Status(Code::kInvalid,
                    "a value that the JSON Lines format does not know: " + std::string(json.substr(0, 80)));
    }
  }
  return out;
}

Result<std::string> TextFromJson(std::string_view json) {
  const auto element = Parse(json);
  if (!element) return element.status();
  std::string text;
  if (!TextOf(*element, &text)) return Status(Code::kInvalid, "not a text: " + std::string(json.substr(0, 80)));
  return text;
}

}  // namespace smiley::daemon
