// Thread rule: functions are safe from any thread.
//
// Lower-case hexadecimal, as in tokens, codes and fingerprints.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace smiley::daemon {

inline std::string FormatHex(const unsigned char* bytes, std::size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * size);
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

// Whether the text has exactly so many lower-case hexadecimal digits.
inline bool IsHex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace smiley::daemon
