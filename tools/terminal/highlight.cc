#include "tools/terminal/highlight.h"

#include <algorithm>
#include <array>

#include "tools/terminal/terminal.h"

namespace smiley::tools {

namespace {

constexpr std::array<std::string_view, 36> kKeywords = {
    "False",    "None",  "True",     "and",  "as",     "assert", "async", "await",  "break",
    "case",     "class", "continue", "def",  "del",    "elif",   "else",  "except", "finally",
    "for",      "from",  "global",   "if",   "import", "in",     "is",    "lambda", "match",
    "nonlocal", "not",   "or",       "pass", "raise",  "return", "try",   "while",  "with"};

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The end of the string literal whose quote is at `at`; the end of the line if the literal continues below.
std::size_t StringEnd(std::string_view line, std::size_t at) {
  const char quote = line[at];
  const bool triple = line.substr(at, 3) == std::string(3, quote);
  std::size_t i = at + (triple ? 3 : 1);
  while (i < line.size()) {
    if (line[i] == '\\') {
      i += 2;
    } else if (triple ? line.substr(i, 3) == std::string(3, quote) : line[i] == quote) {
      return i + (triple ? 3 : 1);
    } else {
      ++i;
    }
  }
  return line.size();
}

}  // namespace

std::vector<std::pair<std::string_view, std::string>> Highlight(std::string_view line) {
  std::vector<std::pair<std::string_view, std::string>> parts;
  const auto add = [&](std::string_view style, std::string_view text) {
    if (!parts.empty() && parts.back().first == style) {
      parts.back().second += text;
    } else {
      parts.emplace_back(style, std::string(text));
    }
  };
  bool names_next = false;  // the next word is the name of a def or class
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at];
    std::size_t end = at + 1;
    if (c == '#') {
      add(sgr::kDim, line.substr(at));
      break;
    }
    if (c == '\'' || c == '"') {
      end = StringEnd(line, at);
      add(sgr::kGreen, line.substr(at, end - at));
    } else if (IsDigit(c)) {
      while (end < line.size() && (IsWord(line[end]) || line[end] == '.')) ++end;
      add(sgr::kCyan, line.substr(at, end - at));
    } else if (IsWord(c)) {
      while (end < line.size() && IsWord(line[end])) ++end;
      const std::string_view word = line.substr(at, end - at);
      const bool prefix = word.size() <= 2 && end < line.size() && (line[end] == '\'' || line[end] == '"') &&
                          word.find_first_not_of("rRbBfFuU") == std::string_view::npos;
      if (prefix) {
        end = StringEnd(line, end);
        add(sgr::kGreen, line.substr(at, end - at));
      } else if (std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end()) {
        add(sgr::kMagenta, word);
        names_next = word == "def" || word == "class";
      } else {
        add(names_next ? sgr::kBold : std::string_view{}, word);
        names_next = false;
      }
    } else if (c == '@' && line.find_first_not_of(' ') == at) {
      while (end < line.size() && (IsWord(line[end]) || line[end] == '.')) ++end;
      add(sgr::kYellow, line.substr(at, end - at));
    } else {
      add({}, line.substr(at, 1));
    }
    at = std::min(end, line.size());
  }
  return parts;
}

}  // namespace smiley::tools
