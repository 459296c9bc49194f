#include "tools/terminal/help.h"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "tools/terminal/terminal.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

constexpr std::size_t kLongestExample = 44;  // columns; longer commands do not widen the column of all the others

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace

std::size_t HelpWidth() {
  const std::size_t width = TerminalWidth(STDOUT_FILENO);
  return width == 0 ? 80 : std::clamp<std::size_t>(width, 40, 100);
}

void HelpPage::Wrap(std::string_view text, std::size_t used, std::size_t indent) {
  bool first = true;
  for (text = Trim(text); !text.empty();) {
    const std::string_view word = text.substr(0, text.find(' '));
    const std::size_t columns = Columns(word);
    if (!first && used + 1 + columns > width_) {
      text_ += '\n';
      text_.append(indent, ' ');
      used = indent;
      first = true;
    }
    if (!first) text_ += ' ';
    text_ += word;
    used += columns + (first ? 0 : 1);
    first = false;
    text = Trim(text.substr(word.size()));
  }
  text_ += '\n';
}

HelpPage& HelpPage::Paragraph(std::string_view text, std::size_t indent) {
  text_.append(indent, ' ');
  Wrap(text, indent, indent);
  return *this;
}

HelpPage& HelpPage::Row(std::string_view left, std::string_view right, std::size_t column) {
  column = std::min(column, width_ / 2);
  const std::size_t columns = 2 + Columns(left);
  text_ += "  " + std::string(left);
  if (right.empty()) return Blank();
  if (columns + 2 > column) {
    text_ += '\n';
    text_.append(column, ' ');
  } else {
    text_.append(column - columns, ' ');
  }
  Wrap(right, column, column);
  return *this;
}

HelpPage& HelpPage::Examples(std::string_view lines) {
  std::vector<std::pair<std::string_view, std::string_view>> rows;
  std::size_t widest = 0;
  while (!lines.empty()) {
    const std::string_view line = Trim(lines.substr(0, lines.find('\n')));
    lines.remove_prefix(
        std::min(lines.size(), lines.find('\n') == std::string_view::npos ? lines.size() : lines.find('\n') + 1));
    const std::size_t gap = line.find("   ");
    const std::string_view command = line.substr(0, gap);
    rows.emplace_back(command, gap == std::string_view::npos ? std::string_view() : Trim(line.substr(gap)));
    if (gap != std::string_view::npos && Columns(command) <= kLongestExample)
      widest = std::max(widest, Columns(command));
  }
  for (const auto& [command, what] : rows) Row(command, what, widest + 5);
  return *this;
}

HelpPage& HelpPage::Blank() {
  text_ += '\n';
  return *this;
}

}  // namespace smiley::tools
