#include "daemon/value/text_codec.h"

#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "shm/base/requires.h"

namespace smiley::daemon {
namespace {

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> kBase64Value = [] {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (int i = 0; i < 64; ++i) table[static_cast<unsigned char>(kBase64[i])] = static_cast<std::int8_t>(i);
  return table;
}();

}  // namespace

bool IsUtf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

void AppendBase64(std::string* out, std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t n = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    const char four[4] = {kBase64[n >> 18], kBase64[n >> 12 & 63], kBase64[n >> 6 & 63], kBase64[n & 63]};
    out->append(four, 4);
  }
  if (i + 1 == bytes.size()) {
    const std::uint32_t n = at(i) << 16;
    const char four[4] = {kBase64[n >> 18], kBase64[n >> 12 & 63], '=', '='};
    out->append(four, 4);
  } else if (i + 2 == bytes.size()) {
    const std::uint32_t n = at(i) << 16 | at(i + 1) << 8;
    const char four[4] = {kBase64[n >> 18], kBase64[n >> 12 & 63], kBase64[n >> 6 & 63], '='};
    out->append(four, 4);
  }
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t pad = 0;
  if (text.ends_with("==")) {
    pad = 2;
  } else if (text.ends_with('=')) {
    pad = 1;
  }
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const std::size_t filled = last ? 4 - pad : 4;
    std::uint32_t n = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const int digit = j < filled ? kBase64Value[static_cast<unsigned char>(text[i + j])] : 0;
      if (digit < 0) return std::nullopt;
      n = n << 6 | static_cast<std::uint32_t>(digit);
    }
    const char three[3] = {static_cast<char>(n >> 16), static_cast<char>(n >> 8), static_cast<char>(n)};
    out.append(three, filled - 1);
    if (filled < 4 && (n & (filled == 3 ? 0xffu : 0xffffu)) != 0) return std::nullopt;  // unused bits must be 0
  }
  return out;
}

void AppendFloat(std::string* out, double number) {
  SMILEY_REQUIRES(std::isfinite(number));
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific);
  (void)error;  // 32 characters hold every double
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  if (text.starts_with('-')) {
    out->push_back('-');
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  int exponent = 0;
  const char* digits_end = text.data() + text.size();
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), digits_end, exponent);
  std::string digits(1, text[0]);
  if (e > 2) digits.append(text.substr(2, e - 2));
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out->push_back(digits[0]);
    if (count > 1) out->append(".").append(digits, 1);
    out->push_back('e');
    out->push_back(exponent < 0 ? '-' : '+');
    const int size = std::abs(exponent);
    if (size < 10) out->push_back('0');
    AppendInt(out, size);
  } else if (exponent < 0) {
    out->append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
  } else if (count <= exponent + 1) {
    out->append(digits).append(static_cast<std::size_t>(exponent + 1 - count), '0').append(".0");
  } else {
    out->append(digits, 0, static_cast<std::size_t>(exponent) + 1).append(".");
    out->append(digits, static_cast<std::size_t>(exponent) + 1);
  }
}

void AppendInt(std::string* out, std::int64_t number) {
  char buffer[24];
  out->append(buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr);
}

void AppendUnsigned(std::string* out, std::uint64_t number) {
  char buffer[24];
  out->append(buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr);
}

std::string_view NonFiniteName(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  return {};
}

std::optional<double> ParseFloat(std::string_view text) {
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  if (text.find_first_not_of("0123456789+-.e") != std::string_view::npos) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Character FirstCharacter(std::string_view text) {
  SMILEY_REQUIRES(!text.empty());
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t first = at(0);
  const Character stray{0xdc00 + first, 1, false};
  if (first < 0x80) return {first, 1, true};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return stray;
  std::uint32_t code = first & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return stray;
    code = code << 6 | (at(i) & 0x3f);
  }
  if ((length == 3 && code < 0x800) || (length == 4 && (code < 0x10000 || code > 0x10ffff))) return stray;
  return {code, length, true};
}

}  // namespace smiley::daemon
