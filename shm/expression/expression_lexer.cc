#include "shm/expression/expression_lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace smiley::shm {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c); }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool Fail(ParseError* error, std::size_t offset, std::string message) {
  error->offset = offset;
  error->message = std::move(message);
  return false;
}

// Lone surrogates are kept, as in captured texts.
void AppendUtf8(std::string* out, std::uint32_t c) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xc0 | (c >> 6)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | (c >> 12)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else {
    out->push_back(static_cast<char>(0xf0 | (c >> 18)));
    out->push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3f)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3f)));
  }
}

// Converts digits of any base and length to a double, for integers beyond 64 bits.
double WideInteger(std::string_view digits, int base) {
  double value = 0;
  for (char c : digits) value = value * base + HexDigit(c);
  return value;
}

double Decimal(const std::string& digits) {
  double value = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (problem == std::errc::result_out_of_range) {
    const std::size_t e = digits.find_first_of("eE");
    const bool tiny = e != std::string::npos && e + 1 < digits.size() && digits[e + 1] == '-';
    return tiny ? 0.0 : std::numeric_limits<double>::infinity();
  }
  return value;
}

constexpr std::array<std::string_view, 3> kThree{"...", "===", "!=="};
constexpr std::array<std::string_view, 11> kTwo{"==", "!=", "<=", ">=", "&&", "||", "**", "//", "<<", ">>", "->"};

}  // namespace

bool ExpressionLexer::Next(ExpressionToken* token, ParseError* error) {
  while (at_ < source_.size() && IsSpace(source_[at_])) ++at_;
  *token = {};
  token->offset = at_;
  if (at_ >= source_.size()) return true;
  const char c = source_[at_];
  bool good = true;
  if (c == '"' || c == '\'') {
    good = Text(token, false, error);
  } else if ((c == 'r' || c == 'R') && (At(at_ + 1) == '"' || At(at_ + 1) == '\'')) {
    ++at_;
    good = Text(token, true, error);
  } else if (IsDigit(c) || (c == '.' && IsDigit(At(at_ + 1)))) {
    good = Number(token, error);
  } else if (IsNameStart(c)) {
    token->kind = ExpressionToken::Kind::kName;
    while (at_ < source_.size() && IsNamePart(source_[at_])) ++at_;
  } else {
    token->kind = ExpressionToken::Kind::kSymbol;
    std::size_t size = 1;
    const std::string_view rest = source_.substr(at_);
    for (std::string_view s : kTwo) size = rest.substr(0, 2) == s ? 2 : size;
    for (std::string_view s : kThree) size = rest.substr(0, 3) == s ? 3 : size;
    at_ += size;
  }
  if (!good) return false;
  token->word = source_.substr(token->offset, at_ - token->offset);
  return true;
}

bool ExpressionLexer::Number(ExpressionToken* token, ParseError* error) {
  const std::size_t start = at_;
  int base = 10;
  if (source_[at_] == '0') {
    const char kind = static_cast<char>(At(at_ + 1) | 0x20);
    base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
    if (base != 10) at_ += 2;
  }
  std::string digits;
  bool real = false;
  for (; at_ < source_.size(); ++at_) {
    const char c = source_[at_];
    if (c == '_') {
      if (digits.empty() && base == 10) break;
      if (HexDigit(At(at_ + 1)) < 0) return Fail(error, at_, "a digit must follow the _ in a number");
    } else if (HexDigit(c) >= 0 && HexDigit(c) < base) {
      digits.push_back(c);
    } else if (base == 10 && c == '.' && !real) {
      real = true;
      digits.push_back(c);
    } else if (base == 10 && (c == 'e' || c == 'E') &&
               (IsDigit(At(at_ + 1)) || ((At(at_ + 1) == '+' || At(at_ + 1) == '-') && IsDigit(At(at_ + 2))))) {
      real = true;
      digits.push_back('e');
      ++at_;
      if (At(at_) == '-') digits.push_back('-');
      if (!IsDigit(At(at_))) ++at_;
      while (IsDigit(At(at_)) || (At(at_) == '_' && IsDigit(At(at_ + 1)))) {
        if (At(at_) != '_') digits.push_back(At(at_));
        ++at_;
      }
      break;
    } else {
      break;
    }
  }
  if (digits.empty()) return Fail(error, at_, "a digit must follow here");
  if (at_ < source_.size() && IsNamePart(source_[at_])) {
    return Fail(error, at_, "this does not belong to a number; a space is missing, or quotes");
  }
  if (!real) {
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), token->integer, base);
    if (problem == std::errc()) {
      token->kind = ExpressionToken::Kind::kInt;
      return true;
    }
  }
  token->kind = ExpressionToken::Kind::kFloat;
  token->number = base == 10 ? Decimal(digits) : WideInteger(digits, base);
  if (!real && base == 10 && digits.size() > 1 && source_[start] == '0') {
    token->number = Decimal(digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1)));
  }
  return true;
}

bool ExpressionLexer::Text(ExpressionToken* token, bool raw, ParseError* error) {
  token->kind = ExpressionToken::Kind::kText;
  const char quote = source_[at_];
  const std::size_t opening = at_++;
  while (true) {
    if (at_ >= source_.size()) {
      return Fail(error, opening, std::string("the text that begins here has no closing ") + quote);
    }
    const char c = source_[at_];
    if (c == '\n' || c == '\r') return Fail(error, at_, "a text ends on its line; write \\n for a line break");
    if (c == quote) break;
    if (c == '\\' && raw) {
      token->text.push_back(c);
      ++at_;
      if (at_ < source_.size() && source_[at_] != '\n') token->text.push_back(source_[at_++]);
    } else if (c == '\\') {
      if (!Escape(&token->text, error)) return false;
    } else {
      token->text.push_back(c);
      ++at_;
    }
  }
  ++at_;
  return true;
}

// Decodes Python's escapes. An unknown escape stays as it is, as in Python.
bool ExpressionLexer::Escape(std::string* out, ParseError* error) {
  const std::size_t start = at_++;
  const char c = At(at_++);
  static constexpr std::string_view kPlain = "\\'\"abfnrtv";
  static constexpr std::string_view kMeaning = "\\'\"\a\b\f\n\r\t\v";
  if (const std::size_t i = kPlain.find(c); c != '\0' && i != std::string_view::npos) {
    out->push_back(kMeaning[i]);
    return true;
  }
  if (c >= '0' && c <= '7') {
    std::uint32_t value = static_cast<std::uint32_t>(c - '0');
    for (int n = 0; n < 2 && At(at_) >= '0' && At(at_) <= '7'; ++n) {
      value = value * 8 + static_cast<std::uint32_t>(At(at_++) - '0');
    }
    AppendUtf8(out, value);
    return true;
  }
  const int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits != 0) {
    std::uint32_t value = 0;
    for (int n = 0; n < digits; ++n) {
      const int d = HexDigit(At(at_));
      if (d < 0)
        return Fail(error, start, "\\" + std::string(1, c) + " needs " + std::to_string(digits) + " hex digits");
      value = value * 16 + static_cast<std::uint32_t>(d);
      ++at_;
    }
    if (value > 0x10ffff) return Fail(error, start, "there is no such character");
    AppendUtf8(out, value);
    return true;
  }
  if (c == 'N') return Fail(error, start, "\\N names are not known here; write the character or \\u");
  at_ = start + 1;
  out->push_back('\\');
  return true;
}

}  // namespace smiley::shm
