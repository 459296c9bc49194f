#include <algorithm>
#include <cmath>

#include "daemon/value/forms.h"
#include "daemon/value/text_codec.h"
#include "daemon/value/value.h"

namespace smiley::daemon {
namespace {

constexpr std::int64_t kPlainIntLimit = (std::int64_t{1} << 53) - 1;

bool IsPlain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && c != '"' && c != '\\';
}

void AppendQuoted(std::string* out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (IsPlain(text[i])) continue;
    out->append(text, from, i - from);
    from = i + 1;
    switch (const char c = text[i]) {
      case '"':
        out->append("\\\"");
        break;
      case '\\':
        out->append("\\\\");
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      case '\b':
        out->append("\\b");
        break;
      case '\f':
        out->append("\\f");
        break;
      default: {
        const char escape[6] = {'\\', 'u', '0', '0', kHex[(c >> 4) & 15], kHex[c & 15]};
        out->append(escape, 6);
      }
    }
  }
  out->append(text, from, text.size() - from);
  out->push_back('"');
}

void AppendFloatJson(std::string* out, double number) {
  const std::string_view name = NonFiniteName(number);
  if (name.empty()) {
    AppendFloat(out, number);
  } else {
    out->append(R"({"$type":"float","text":")").append(name).append("\"}");
  }
}

// Appends an object or an array of pairs; `get` returns the i-th name and value.
template <typename Names, typename Name, typename Write>
void AppendNames(std::string* out, const Names& names, const Name& name_of, const Write& write) {
  const bool keys =
      std::all_of(names.begin(), names.end(), [&](const auto& entry) { return IsUtf8(name_of(entry)); });
  out->push_back(keys ? '{' : '[');
  bool first = true;
  for (const auto& entry : names) {
    if (!first) out->push_back(',');
    first = false;
    if (!keys) out->push_back('[');
    AppendJsonString(out, name_of(entry));
    out->push_back(keys ? ':' : ',');
    write(*entry.second);
    if (!keys) out->push_back(']');
  }
  out->push_back(keys ? '}' : ']');
}

class Writing {
 public:
  Writing(std::string* out, ReadAt at) : out_(out), at_(at) {}

  void Write(const Value& value, bool nested) {
    switch (value.type) {
      case Value::Type::kNone:
        out_->append("null");
        return;
      case Value::Type::kBool:
        out_->append(value.flag ? "true" : "false");
        return;
      case Value::Type::kFloat:
        AppendFloatJson(out_, value.number);
        return;
      case Value::Type::kInt:
        if (value.integer >= -kPlainIntLimit && value.integer <= kPlainIntLimit) {
          AppendInt(out_, value.integer);
          return;
        }
        break;
      case Value::Type::kForm:
        if (value.form == kFormSubclass && !value.items.empty()) {
          WriteObject(*value.items[0], &value, nested);
          return;
        }
        if ((value.form != kFormStrCut && value.form != kFormStrRaw) || value.cut != 0) break;
        [[fallthrough]];
      case Value::Type::kStr:
        AppendJsonString(out_, value.text);
        return;
      case Value::Type::kBytes:
        break;
    }
    WriteObject(value, nullptr, nested);
  }

 private:
  std::string_view TypeName(const Value& value) const {
    switch (value.type) {
      case Value::Type::kInt:
        return "int";
      case Value::Type::kFloat:
        return "float";
      case Value::Type::kStr:
        return "str";
      case Value::Type::kBytes:
        return "bytes";
      default:
        break;
    }
    switch (value.form) {
      case kFormRef:
        return "ref";
      case kFormObject:
      case kFormUnreadable:
        return "object";
      case kFormStrCut:
      case kFormStrRaw:
        return "str";
      case kFormBytesCut:
        return "bytes";
      case kFormBytearray:
        return "bytearray";
      case kFormBigInt:
        return "int";
      case kFormComplex:
        return "complex";
      case kFormText:
        return value.type_name;
      case kFormException:
        return "exception";
      case kFormRedacted:
        return "redacted";
      case kFormLost:
        return "lost";
      case kFormUnbound:
        return "unbound";
      default:
        return ContainerName(value.form);
    }
  }

  void Key(std::string_view name) { out_->append(",\"").append(name).append("\":"); }
  void Number(std::string_view name, std::uint64_t number) {
    Key(name);
    AppendUnsigned(out_, number);
  }
  void Text(std::string_view name, std::string_view text) {
    Key(name);
    AppendJsonString(out_, text);
  }
  void Base64(std::string_view bytes) {
    out_->append(",\"base64\":\"");
    AppendBase64(out_, bytes);
    out_->push_back('"');
  }

  void Items(std::string_view name, const Value& value) {
    Key(name);
    out_->push_back('[');
    const bool pairs = IsDictForm(value.form);
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (i > 0) out_->push_back(',');
      if (pairs) out_->push_back('[');
      Write(*value.items[i], true);
      if (pairs) {
        out_->push_back(',');
        Write(*value.items[++i], true);
        out_->push_back(']');
      }
    }
    out_->push_back(']');
  }

  void Exception(const Value& value) {
    Items("args", value);
    if (!value.notes.empty()) {
      Key("notes");
      out_->push_back('[');
      for (std::size_t i = 0; i < value.notes.size(); ++i) {
        if (i > 0) out_->push_back(',');
        AppendJsonString(out_, value.notes[i]);
      }
      out_->push_back(']');
    }
    if (value.cause != nullptr) {
      Key("cause");
      Write(*value.cause, true);
    }
    if (value.context != nullptr) {
      Key("context");
      Write(*value.context, true);
    }
  }

  // Appends the members between the id and `attributes`.
  void Body(const Value& value) {
    switch (value.type) {
      case Value::Type::kInt:
        out_->append(",\"text\":\"");
        AppendInt(out_, value.integer);
        out_->push_back('"');
        return;
      case Value::Type::kFloat:
        out_->append(",\"text\":\"");
        if (const std::string_view name = NonFiniteName(value.number); !name.empty()) {
          out_->append(name);
        } else {
          AppendFloat(out_, value.number);
        }
        out_->push_back('"');
        return;
      case Value::Type::kStr:
        Characters(value.text);
        return;
      case Value::Type::kBytes:
        Base64(value.text);
        return;
      default:
        break;
    }
    switch (value.form) {
      case kFormStrCut:
      case kFormStrRaw:
        Characters(value.text);
        return;
      case kFormBytesCut:
      case kFormBytearray:
        Base64(value.text);
        return;
      case kFormBigInt:
        Text("text", value.text);
        if (IsBigIntCut(value)) Number("bits", static_cast<std::uint64_t>(value.integer));
        return;
      case kFormComplex:
        Key("real");
        AppendFloatJson(out_, value.number);
        Key("imag");
        AppendFloatJson(out_, value.imag);
        return;
      case kFormText:
        Text("text", value.text);
        return;
      case kFormException:
        Exception(value);
        return;
      default:
        if (value.has_items && !ContainerName(value.form).empty()) Items("items", value);
    }
  }

  void Characters(std::string_view text) {
    if (IsUtf8(text)) {
      Text("text", text);
    } else {
      Base64(text);
    }
  }

  static bool HasId(const Value& value) {
    return !ContainerName(value.form).empty() || value.form == kFormRef || value.form == kFormObject ||
           value.form == kFormBytearray || value.form == kFormException;
  }

  // `subclass`: the form 20 around `value`; null = none.
  void WriteObject(const Value& value, const Value* subclass, bool nested) {
    const Value& outer = subclass != nullptr ? *subclass : value;
    const bool form = value.type == Value::Type::kForm;
    out_->append("{\"$type\":");
    AppendJsonString(out_, TypeName(value));
    const bool classed =
        form && (value.form == kFormObject || value.form == kFormException || value.form == kFormUnreadable);
    if (subclass != nullptr || classed || !outer.class_name.empty()) Text("class", outer.class_name);
    if (form && HasId(value)) Number("id", value.id);
    Body(value);
    if ((form && value.form == kFormObject && value.has_items) ||
        (subclass != nullptr && !outer.attributes.empty())) {
      Key("attributes");
      AppendNames(
          out_, outer.attributes, [](const auto& entry) -> const std::string& { return entry.first; },
          [this](const Value& attribute) { Write(attribute, true); });
    }
    if (form && (value.cut != 0 || (!ContainerName(value.form).empty() && !value.has_items)))
      Number("cut", value.cut);
    const ReadAt& read = outer.read_at;
    if (nested && read.seq != 0 && read.thread != 0 && !(read == at_) && ShowsReadAt(outer)) {
      out_->append(",\"asof\":\"");
      AppendUnsigned(out_, read.thread);
      out_->push_back(':');
      AppendUnsigned(out_, read.seq);
      out_->push_back('"');
    }
    out_->push_back('}');
  }

  std::string* out_;
  ReadAt at_;
};

}  // namespace

void AppendJson(std::string* out, const Value& value, ReadAt at) { Writing(out, at).Write(value, false); }

void AppendJsonString(std::string* out, std::string_view text) {
  if (IsUtf8(text)) {
    AppendQuoted(out, text);
    return;
  }
  out->append(R"({"$type":"str","base64":")");
  AppendBase64(out, text);
  out->append("\"}");
}

void AppendJsonNames(std::string* out, const std::vector<std::pair<const std::string*, ValuePtr>>& values,
                     ReadAt at) {
  AppendNames(
      out, values, [](const auto& entry) -> const std::string& { return *entry.first; },
      [&](const Value& value) { AppendJson(out, value, at); });
}

}  // namespace smiley::daemon
