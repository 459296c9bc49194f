#include "tools/terminal/units.h"

#include <charconv>
#include <cmath>

namespace smiley::tools {

namespace {

// The number at the beginning, which is taken away with the spaces behind it.
std::optional<double> TakeNumber(std::string_view* text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text->data(), text->data() + text->size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  while (!text->empty() && text->front() == ' ') text->remove_prefix(1);
  return number;
}

}  // namespace

std::optional<std::uint64_t> ParseBytes(std::string_view text) {
  const auto number = TakeNumber(&text);
  if (!number) return std::nullopt;
  if (!text.empty() && (text.back() == 'B' || text.back() == 'b')) text.remove_suffix(1);
  double base = 1000;
  if (text.size() == 2 && (text.back() == 'i' || text.back() == 'I')) {
    base = 1024;
    text.remove_suffix(1);
  }
  constexpr std::string_view kUnits = "kmgt";
  double unit = 1;
  if (text.size() > 1) return std::nullopt;
  if (text.size() == 1) {
    const std::size_t power = kUnits.find(static_cast<char>(text.front() | 0x20));
    if (power == std::string_view::npos) return std::nullopt;
    unit = std::pow(base, static_cast<double>(power + 1));
  }
  if (*number * unit > 9e18) return std::nullopt;
  return static_cast<std::uint64_t>(*number * unit);
}

std::optional<std::int64_t> ParseAge(std::string_view text) {
  const auto number = TakeNumber(&text);
  if (!number || text.size() != 1) return std::nullopt;
  double seconds = 0;
  switch (text.front()) {
    case 's':
      seconds = 1;
      break;
    case 'm':
      seconds = 60;
      break;
    case 'h':
      seconds = 3600;
      break;
    case 'd':
      seconds = 86400;
      break;
    case 'w':
      seconds = 7 * 86400;
      break;
    default:
      return std::nullopt;
  }
  if (*number * seconds > 9e9) return std::nullopt;
  return static_cast<std::int64_t>(*number * seconds * 1e9);
}

}  // namespace smiley::tools
