#include "shm/expression/expression.h"

#include <algorithm>

#include "shm/expression/expression_lexer.h"

namespace smiley::shm {

std::set<std::string> Expression::Names() const {
  std::set<std::string> names;
  for (const Node& node : nodes_) {
    if (node.op == Op::kField) names.emplace(FieldName(node.field));
    if (node.op == Op::kVariable || node.op == Op::kAttribute) names.emplace(TextOf(node));
  }
  return names;
}

std::string FormatParseError(std::string_view source, const ParseError& error) {
  constexpr std::size_t kBefore = 50, kAfter = 25;
  const std::size_t offset = std::min(error.offset, source.size());
  const auto whole = [&](std::size_t i) {  // moves to the beginning of a character
    while (i > 0 && i < source.size() && (source[i] & 0xc0) == 0x80) --i;
    return i;
  };
  const std::size_t begin = offset > kBefore + 10 ? whole(offset - kBefore) : 0;
  const std::size_t end = source.size() - offset > kAfter + 10 ? whole(offset + kAfter) : source.size();
  std::string shown = begin > 0 ? "…" : "";
  std::size_t column = CountCharacters(source.substr(begin, offset - begin)) + (begin > 0 ? 1 : 0);
  for (char c : source.substr(begin, end - begin)) {
    shown.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
  }
  if (end < source.size()) shown += "…";
  return shown + "\n" + std::string(column, ' ') + "^";
}

}  // namespace smiley::shm
