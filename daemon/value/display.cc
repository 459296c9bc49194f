#include "daemon/value/forms.h"
#include "daemon/value/text_codec.h"
#include "daemon/value/value.h"

namespace smiley::daemon {
namespace {

// Whether a character would move, hide or reorder text on a terminal.
bool IsUnsafe(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000) || code == 0xad ||
         (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x2069) || code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) ||
         (code >= 0xe0000 && code <= 0xe007f);
}

std::string_view LastPart(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

class Printing {
 public:
  Printing(std::string* out, std::size_t width) : out_(*out), left_(width) {}

  void Print(const Value& value) {
    switch (value.type) {
      case Value::Type::kNone:
        Put("None");
        return;
      case Value::Type::kBool:
        Put(value.flag ? "True" : "False");
        return;
      case Value::Type::kInt:
        Put(std::to_string(value.integer));
        return;
      case Value::Type::kFloat:
        PutFloat(value.number);
        return;
      case Value::Type::kStr:
        PutStr(value.text, false);
        return;
      case Value::Type::kBytes:
        PutBytes(value.text, false);
        return;
      case Value::Type::kForm:
        PrintForm(value);
        return;
    }
  }

 private:
  // Short words of our own are never cut; a line may exceed the width by them.
  void Put(std::string_view text) {
    out_.append(text);
    left_ -= text.size() < left_ ? text.size() : left_;
  }
  bool Full() const { return left_ < 2; }

  void PutFloat(double number) {
    std::string text(NonFiniteName(number));
    if (text.empty()) AppendFloat(&text, number);
    Put(text);
  }

  void PutEscape(std::uint32_t code, bool stray) {
    constexpr char kHex[] = "0123456789abcdef";
    std::string text = "\\";
    switch (code) {
      case '\n':
        text += 'n';
        break;
      case '\r':
        text += 'r';
        break;
      case '\t':
        text += 't';
        break;
      default: {
        const int digits = code > 0xffff ? 8 : code > 0xff && !stray ? 4 : 2;
        text += digits == 8 ? 'U' : digits == 4 ? 'u' : 'x';
        for (int i = digits - 1; i >= 0; --i) text += kHex[code >> (4 * i) & 15];
      }
    }
    Put(text);
  }

  // Appends a text with escapes, up to the width that is left. `quote` 0: no quotes, and backslashes are not doubled.
  // False: the text was cut.
  bool PutCharacters(std::string_view text, char quote) {
    while (!text.empty()) {
      if (Full()) {
        Put("…");
        return false;
      }
      const Character character = FirstCharacter(text);
      if (IsUnsafe(character.code)) {
        PutEscape(character.code, !character.valid);
      } else {
        if (quote != 0 && (text[0] == quote || text[0] == '\\')) Put("\\");
        out_.append(text.substr(0, character.length));
        --left_;
      }
      text.remove_prefix(character.length);
    }
    return true;
  }

  static char QuoteFor(std::string_view text) {
    return text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  }

  void PutStr(std::string_view text, bool cut) {
    const char quote = QuoteFor(text);
    Put(std::string_view(&quote, 1));
    if (PutCharacters(text, quote) && cut) Put("…");
    Put(std::string_view(&quote, 1));
  }

  void PutBytes(std::string_view bytes, bool cut) {
    const char quote = QuoteFor(bytes);
    Put("b");
    Put(std::string_view(&quote, 1));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (Full()) {
        cut = true;
        break;
      }
      const auto byte = static_cast<unsigned char>(bytes[i]);
      if (byte < 0x20 || byte >= 0x7f) {
        PutEscape(byte, true);
      } else {
        if (bytes[i] == quote || bytes[i] == '\\') Put("\\");
        Put(bytes.substr(i, 1));
      }
    }
    if (cut) Put("…");
    Put(std::string_view(&quote, 1));
  }

  // Appends the separator between items. False: there is no room for another item.
  bool NextItem(bool first) {
    if (Full()) {
      Put(first ? "…" : ", …");
      return false;
    }
    if (!first) Put(", ");
    return true;
  }

  void PutMore(std::uint64_t cut, bool first) {
    if (cut == 0) return;
    Put(first ? "…+" : ", …+");
    Put(std::to_string(cut));
  }

  void PutItems(const Value& value) {
    const bool pairs = IsDictForm(value.form);
    for (std::size_t i = 0; i < value.items.size(); i += pairs ? 2 : 1) {
      if (!NextItem(i == 0)) return;
      Print(*value.items[i]);
      if (pairs) {
        Put(": ");
        Print(*value.items[i + 1]);
      }
    }
    if (value.form == kFormTuple && value.items.size() == 1 && value.cut == 0) Put(",");
    PutMore(value.cut, value.items.empty());
  }

  void PutWrapped(std::string_view open, const Value& value, std::string_view close) {
    Put(open);
    PutItems(value);
    Put(close);
  }

  void PrintContainer(const Value& value) {
    const bool empty = value.items.empty() && value.cut == 0;
    switch (value.form) {
      case kFormList:
        PutWrapped("[", value, "]");
        return;
      case kFormTuple:
        PutWrapped("(", value, ")");
        return;
      case kFormDict:
        PutWrapped("{", value, "}");
        return;
      case kFormSet:
        if (empty) {
          Put("set()");
        } else {
          PutWrapped("{", value, "}");
        }
        return;
      default:
        break;
    }
    Put(ContainerName(value.form));
    if (empty) {
      Put("()");
    } else if (value.form == kFormDeque) {
      PutWrapped("([", value, "])");
    } else {
      PutWrapped("({", value, "})");
    }
  }

  void PutAttributes(const Value& value, std::string_view separator, bool first) {
    for (const auto& [name, attribute] : value.attributes) {
      if (!first) Put(separator);
      first = false;
      if (Full()) {
        Put("…");
        return;
      }
      if (!PutCharacters(name, 0)) return;
      Put("=");
      Print(*attribute);
    }
    if (value.Is(kFormObject) && value.cut != 0) {
      if (!first) Put(separator);
      PutMore(value.cut, true);
    }
  }

  void PrintText(const Value& value) {
    const std::string_view type = value.type_name;
    if (type == "ellipsis") return Put("Ellipsis");
    if (type == "notimplemented") return Put("NotImplemented");
    const bool named =
        type == "function" || type == "builtin" || type == "method" || type == "class" || type == "module";
    // A text that is a whole expression or a <…> is shown unchanged.
    const bool whole = !named && (value.text.ends_with(')') || value.text.ends_with('>') || type == "enum");
    if (whole) {
      PutCharacters(value.text, 0);
      return;
    }
    if (named) Put("<");
    PutCharacters(named || value.class_name.empty() ? type : LastPart(value.class_name), 0);
    Put(named ? " " : "(");
    if (named) {
      PutCharacters(value.text, 0);
    } else {
      PutStr(value.text, false);
    }
    Put(named ? ">" : ")");
  }

  void PrintSubclass(const Value& value) {
    const Value& inner = *value.items[0];
    if (inner.Is(kFormException)) return Print(inner);
    PutCharacters(LastPart(value.class_name), 0);
    if (inner.Is(kFormTuple)) {
      Put("(");
      if (!inner.has_items) Put("…+");
      if (!inner.has_items) Put(std::to_string(inner.cut));
      if (inner.has_items) {
        for (std::size_t i = 0; i < inner.items.size() && NextItem(i == 0); ++i) Print(*inner.items[i]);
        PutMore(inner.cut, inner.items.empty());
      }
      PutAttributes(value, ", ", inner.items.empty());
    } else {
      Put("(");
      Print(inner);
      PutAttributes(value, ", ", false);
    }
    Put(")");
  }

  void PrintForm(const Value& value) {
    switch (value.form) {
      case kFormRef:
        Put("<repeated object>");
        return;
      case kFormObject:
        Put("<");
        PutCharacters(LastPart(value.class_name), 0);
        PutAttributes(value, " ", false);
        Put(">");
        return;
      case kFormStrCut:
      case kFormStrRaw:
        PutStr(value.text, value.cut != 0);
        return;
      case kFormBytesCut:
        PutBytes(value.text, value.cut != 0);
        return;
      case kFormBytearray:
        Put("bytearray(");
        PutBytes(value.text, value.cut != 0);
        Put(")");
        return;
      case kFormBigInt:
        PutCharacters(value.text, 0);
        if (IsBigIntCut(value)) Put("…");
        return;
      case kFormComplex: {
        std::string imag(NonFiniteName(value.imag));
        if (imag.empty()) AppendFloat(&imag, value.imag);
        Put("(");
        PutFloat(value.number);
        if (!imag.starts_with('-')) Put("+");
        Put(imag);
        Put("j)");
        return;
      }
      case kFormText:
        PrintText(value);
        return;
      case kFormException:
        PutCharacters(LastPart(value.class_name), 0);
        Put("(");
        for (std::size_t i = 0; i < value.items.size() && NextItem(i == 0); ++i) Print(*value.items[i]);
        Put(")");
        return;
      case kFormSubclass:
        PrintSubclass(value);
        return;
      case kFormRedacted:
        Put("<redacted>");
        return;
      case kFormLost:
        Put("unknown (lost)");
        return;
      case kFormUnbound:
        Put("<unbound>");
        return;
      case kFormUnreadable:
        Put("<");
        PutCharacters(LastPart(value.class_name), 0);
        Put(" unreadable>");
        return;
      default:
        PrintContainer(value);
    }
  }

  std::string& out_;
  std::size_t left_;
};

}  // namespace

std::string Display(const Value& value, std::size_t width) {
  std::string out;
  Printing(&out, width).Print(value);
  return out;
}

}  // namespace smiley::daemon
