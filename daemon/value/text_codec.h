// Thread rule: functions only; any thread.
//
// Spellings of texts, bytes and numbers in JSON and on the screen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace smiley::daemon {

bool IsUtf8(std::string_view text);  // strict: no surrogates, no overlong forms
void AppendBase64(std::string* out, std::string_view bytes);
std::optional<std::string> DecodeBase64(std::string_view text);  // nullopt: not base64 with padding
// Appends the shortest text that reads back as the same double, spelled as Python does. It has a point or an
// exponent. REQUIRES a finite number.
void AppendFloat(std::string* out, double number);
void AppendInt(std::string* out, std::int64_t number);
void AppendUnsigned(std::string* out, std::uint64_t number);
// Reads "nan", "inf", "-inf" or AppendFloat's spelling; nullopt: the text is none of these.
std::optional<double> ParseFloat(std::string_view text);
std::string_view NonFiniteName(double number);  // empty: the number is finite

// One character of UTF-8 in which surrogates are allowed. A byte that begins no character has length 1 and the code
// point 0xDC00 + byte. REQUIRES !text.empty().
struct Character {
  std::uint32_t code = 0;  // code point
  std::size_t length = 1;  // bytes
  bool valid = true;       // false: a stray byte
};
Character FirstCharacter(std::string_view text);

}  // namespace smiley::daemon
