#include "tools/view/source_texts.h"

#include <algorithm>

namespace smiley::tools {

void SourceTexts::Add(std::uint32_t number, std::string text) {
  const auto [at, fresh] = texts_.try_emplace(number);
  if (!fresh) return;
  Text& entry = at->second;
  entry.text = std::move(text);
  entry.begins.push_back(0);
  for (std::size_t i = 0; i < entry.text.size(); ++i) {
    const char c = entry.text[i];
    const bool carriage = c == '\r' && !(i + 1 < entry.text.size() && entry.text[i + 1] == '\n');
    if (c == '\n' || carriage) entry.begins.push_back(i + 1);
  }
}

std::string_view SourceTexts::Line(std::uint32_t number, std::uint32_t line) const {
  const auto found = texts_.find(number);
  if (found == texts_.end()) return {};
  const Text& entry = found->second;
  if (line == 0 || line > entry.begins.size()) return {};
  const std::size_t begin = entry.begins[line - 1];
  const std::size_t end = line < entry.begins.size() ? entry.begins[line] : entry.text.size();
  std::string_view text(entry.text.data() + begin, end - begin);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> SourceTexts::CommentAbove(std::uint32_t number, std::uint32_t line,
                                                        std::size_t most) const {
  std::vector<std::string_view> block;
  for (std::uint32_t above = line; above > 1 && block.size() < most;) {
    --above;
    const std::string_view text = Line(number, above);
    const std::size_t first = text.find_first_not_of(" \t\f");
    if (first == std::string_view::npos || text[first] != '#') break;
    if (above == 1 && text.substr(0, 2) == "#!") break;
    block.push_back(text);
  }
  std::reverse(block.begin(), block.end());
  return block;
}

std::size_t Indentation(std::string_view line) {
  std::size_t columns = 0;
  for (const char c : line) {
    if (c == ' ') {
      ++columns;
    } else if (c == '\t') {
      columns = (columns / 8 + 1) * 8;
    } else if (c != '\f') {
      break;
    }
  }
  return columns;
}

}  // namespace smiley::tools
