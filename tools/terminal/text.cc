#include "tools/terminal/text.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace smiley::tools {

namespace {

struct Span {
  std::uint32_t first, last;
};

// Characters of two columns: East Asian wide and full width, and emoji.
constexpr std::array<Span, 38> kWide{{
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A}, {0x23E9, 0x23EC}, {0x23F0, 0x23F0}, {0x23F3, 0x23F3},
    {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653}, {0x267F, 0x267F}, {0x2693, 0x2693}, {0x26A1, 0x26A1},
    {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x26C4, 0x26C5}, {0x26CE, 0x26CE}, {0x26D4, 0x26D4}, {0x26EA, 0x26EA},
    {0x26F2, 0x26F5},   {0x2705, 0x2705},   {0x270A, 0x270B}, {0x2728, 0x2728}, {0x274C, 0x274E}, {0x2753, 0x2757},
    {0x2795, 0x2797},   {0x2B1B, 0x2B1C},   {0x2E80, 0x303E}, {0x3041, 0x33FF}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF},
    {0xA000, 0xA4CF},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF}, {0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6},
    {0x1F300, 0x1F64F}, {0x1F680, 0x3FFFD},
}};
// Combining marks, joiners and variation selectors.
constexpr std::array<Span, 26> kNone{{
    {0x0300, 0x036F}, {0x0483, 0x0489},   {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2}, {0x0610, 0x061A},
    {0x064B, 0x065F}, {0x0670, 0x0670},   {0x06D6, 0x06DC}, {0x0900, 0x0902}, {0x093C, 0x093C}, {0x0941, 0x0948},
    {0x0E31, 0x0E31}, {0x0E34, 0x0E3A},   {0x0E47, 0x0E4E}, {0x1160, 0x11FF}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
    {0x200B, 0x200D}, {0x20D0, 0x20FF},   {0x302A, 0x302D}, {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
    {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF},
}};

template <std::size_t n>
bool Within(const std::array<Span, n>& spans, std::uint32_t c) {
  const auto at = std::lower_bound(spans.begin(), spans.end(), c,
                                   [](const Span& span, std::uint32_t value) { return span.last < value; });
  return at != spans.end() && at->first <= c;
}

// Characters that change the order in which other characters are shown. They can hide source code.
bool TurnsDirection(std::uint32_t c) {
  return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

tm LocalParts(std::int64_t ns) {
  const time_t seconds = static_cast<time_t>(ns / 1'000'000'000 - (ns % 1'000'000'000 < 0 ? 1 : 0));
  tm parts{};
  localtime_r(&seconds, &parts);
  return parts;
}

}  // namespace

std::uint32_t NextCharacter(std::string_view text, std::size_t* at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t i = *at;
  const unsigned char first = byte(i);
  *at = i + 1;
  if (first < 0x80) return first;
  const int more = first >= 0xF0 && first < 0xF5   ? 3
                   : first >= 0xE0 && first < 0xF0 ? 2
                   : first >= 0xC2 && first < 0xE0 ? 1
                                                   : 0;
  if (more == 0 || i + static_cast<std::size_t>(more) >= text.size()) return 0xFFFFFFFF;
  std::uint32_t c = first & (0x3F >> more);
  for (int k = 1; k <= more; ++k) {
    const unsigned char next = byte(i + static_cast<std::size_t>(k));
    if ((next & 0xC0) != 0x80) return 0xFFFFFFFF;
    c = c << 6 | (next & 0x3Fu);
  }
  if ((more == 2 && c < 0x800) || (more == 3 && (c < 0x10000 || c > 0x10FFFF))) return 0xFFFFFFFF;
  *at = i + 1 + static_cast<std::size_t>(more);
  return c;
}

int CharacterColumns(std::uint32_t c) {
  if (c < 0x300) return 1;
  if (Within(kNone, c)) return 0;
  return Within(kWide, c) ? 2 : 1;
}

std::size_t Columns(std::string_view text) {
  if (IsPlain(text)) return text.size();
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();)
    columns += static_cast<std::size_t>(CharacterColumns(NextCharacter(text, &at)));
  return columns;
}

std::string Clean(std::string_view text) {
  if (IsPlain(text)) return std::string(text);
  std::string out;
  std::size_t column = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::uint32_t c = NextCharacter(text, &at);
    std::string shown;
    if (c == '\t') {
      shown.assign(4 - column % 4, ' ');
    } else if (c == '\n') {
      shown = "\\n";
    } else if (c == '\r') {
      shown = "\\r";
    } else if (c < 0x20 || c == 0x7F || (c >= 0x80 && c < 0xA0)) {
      shown = fmt::format("\\x{:02x}", c);
    } else if (c == 0xFFFFFFFF) {
      shown = "\xEF\xBF\xBD";
    } else if (TurnsDirection(c) || (c >= 0xD800 && c <= 0xDFFF) || c == 0x2028 || c == 0x2029) {
      shown = fmt::format("\\u{:04x}", c);
    } else {
      shown = std::string(text.substr(begin, at - begin));
    }
    column += Columns(shown);
    out += shown;
  }
  return out;
}

std::string Cut(std::string_view text, std::size_t width, bool unicode) {
  if (Columns(text) <= width) return std::string(text);
  const std::string_view mark = unicode ? "…" : "...";
  const std::size_t mark_width = unicode ? 1 : 3;
  if (width <= mark_width) return std::string(text.substr(0, 0));
  std::size_t columns = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t next = at;
    const auto wide = static_cast<std::size_t>(CharacterColumns(NextCharacter(text, &next)));
    if (columns + wide + mark_width > width) break;
    columns += wide;
    at = next;
  }
  return std::string(text.substr(0, at)) + std::string(mark);
}

std::string CutFront(std::string_view text, std::size_t width, bool unicode) {
  const std::size_t columns = Columns(text);
  if (columns <= width) return std::string(text);
  const std::string_view mark = unicode ? "…" : "...";
  const std::size_t mark_width = unicode ? 1 : 3;
  if (width <= mark_width) return {};
  std::size_t left = columns;
  std::size_t at = 0;
  while (at < text.size() && left + mark_width > width)
    left -= static_cast<std::size_t>(CharacterColumns(NextCharacter(text, &at)));
  return std::string(mark) + std::string(text.substr(at));
}

std::string PadRight(std::string_view text, std::size_t width) {
  const std::size_t columns = Columns(text);
  return std::string(text) + std::string(width > columns ? width - columns : 0, ' ');
}

std::string PadLeft(std::string_view text, std::size_t width) {
  const std::size_t columns = Columns(text);
  return std::string(width > columns ? width - columns : 0, ' ') + std::string(text);
}

std::string Number(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string Bytes(std::uint64_t n) {
  if (n < 1000) return fmt::format("{} B", n);
  double value = static_cast<double>(n);
  const char* units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  std::size_t unit = 0;
  for (value /= 1000; value >= 999.5 && unit < 5; ++unit) value /= 1000;
  return value < 9.95 ? fmt::format("{:.1f} {}", value, units[unit]) : fmt::format("{:.0f} {}", value, units[unit]);
}

std::string Duration(std::int64_t ns) {
  if (ns < 0) ns = 0;
  const double value = static_cast<double>(ns);
  if (ns < 1'000) return fmt::format("{} ns", ns);
  if (value < 999.5e3) return fmt::format("{:.3g} µs", value / 1e3);
  if (value < 999.5e6) return fmt::format("{:.3g} ms", value / 1e6);
  if (value < 59.995e9) return fmt::format("{:.3g} s", value / 1e9);
  const std::int64_t seconds = (ns + 500'000'000) / 1'000'000'000;
  if (seconds < 3600) return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
  const std::int64_t minutes = (seconds + 30) / 60;
  if (minutes < 48 * 60) return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
  return fmt::format("{} d {:02} h", minutes / 1440, minutes / 60 % 24);
}

std::string Plural(std::uint64_t n, std::string_view one, std::string_view many) {
  return Number(n) + " " + std::string(n == 1 ? one : many);
}

std::string LocalDateTime(std::int64_t ns) {
  const tm t = LocalParts(ns);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                     t.tm_min, t.tm_sec);
}

std::string LocalTime(std::int64_t ns) {
  const tm t = LocalParts(ns);
  const std::int64_t fraction = (ns % 1'000'000'000 + 1'000'000'000) % 1'000'000'000;
  return fmt::format("{:02}:{:02}:{:02}.{:03}", t.tm_hour, t.tm_min, t.tm_sec, fraction / 1'000'000);
}

std::string CommandLine(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    const bool plain = !word.empty() && word.find_first_of(" \t\n\"'\\$`!*?[](){}<>|&;~#") == std::string::npos;
    if (plain) {
      out += word;
      continue;
    }
    out += '\'';
    for (const char c : word) {
      if (c == '\'') {
        out += "'\\''";
      } else {
        out += c;
      }
    }
    out += '\'';
  }
  return out;
}

std::string_view BaseName(std::string_view path) {
  if (path.empty() || path.front() == '<') return path;
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos || slash + 1 == path.size() ? path : path.substr(slash + 1);
}

}  // namespace smiley::tools
