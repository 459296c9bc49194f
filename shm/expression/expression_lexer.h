// Thread rule: a lexer belongs to one thread.
//
// The tokens of the filter language with their positions, and the names of its fields. Only expression*.cc use it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "shm/expression/expression.h"

namespace smiley::shm {

inline constexpr std::array<std::pair<std::string_view, Field>, 10> kFieldNames{{
    {"event", Field::kEvent},
    {"function", Field::kFunction},
    {"file", Field::kFile},
    {"line", Field::kLine},
    {"thread", Field::kThread},
    {"process", Field::kProcess},
    {"task", Field::kTask},
    {"depth", Field::kDepth},
    {"value", Field::kValue},
    {"exception", Field::kException},
}};

constexpr std::string_view FieldName(Field field) {
  if (field == Field::kExceptionType || field == Field::kExceptionMessage) field = Field::kException;
  for (const auto& [name, f] : kFieldNames) {
    if (f == field) return name;
  }
  return {};
}

// Number of code points in UTF-8 text. Continuation bytes do not count.
constexpr std::size_t CountCharacters(std::string_view text) {
  std::size_t n = 0;
  for (char c : text) n += (c & 0xc0) != 0x80;
  return n;
}

struct ExpressionToken {
  enum class Kind : std::uint8_t { kEnd, kName, kInt, kFloat, kText, kSymbol };
  Kind kind = Kind::kEnd;
  std::size_t offset = 0;    // in bytes from the source's start
  std::string_view word;     // as written; kSymbol: the symbol
  std::string text;          // kText: the text with its escapes decoded
  std::int64_t integer = 0;  // kInt
  double number = 0;         // kFloat
  bool symbol(std::string_view s) const { return kind == Kind::kSymbol && word == s; }
  bool name(std::string_view s) const { return kind == Kind::kName && word == s; }
};

class ExpressionLexer {
 public:
  explicit ExpressionLexer(std::string_view source) : source_(source) {}
  // Reads the next token. False: `error` is set.
  bool Next(ExpressionToken* token, ParseError* error);

 private:
  bool Number(ExpressionToken* token, ParseError* error);
  bool Text(ExpressionToken* token, bool raw, ParseError* error);
  bool Escape(std::string* out, ParseError* error);
  char At(std::size_t i) const { return i < source_.size() ? source_[i] : '\0'; }

  std::string_view source_;
  std::size_t at_ = 0;
};

}  // namespace smiley::shm
