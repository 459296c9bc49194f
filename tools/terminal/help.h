// Thread rule: a HelpPage belongs to one thread.
//
// The layout of a help text: paragraphs, and rows of two columns, wrapped at the terminal's width.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smiley::tools {

// Columns for help on standard output: the terminal's width, from 40 to 100; 80 where there is no terminal.
std::size_t HelpWidth();

class HelpPage {
 public:
  explicit HelpPage(std::size_t width) : width_(width) {}
  // The words of `text`, wrapped, behind `indent` spaces.
  HelpPage& Paragraph(std::string_view text, std::size_t indent = 0);
  // `left` behind two spaces, `right` wrapped in a column that begins at `column`. A longer `left` has its own line.
  HelpPage& Row(std::string_view left, std::string_view right, std::size_t column = kColumn);
  // Lines of "command   what it does", with three spaces between the two.
  HelpPage& Examples(std::string_view lines);
  HelpPage& Blank();
  const std::string& text() const { return text_; }

  static constexpr std::size_t kColumn = 26;

 private:
  // Appends the words of `text` to the last line, which is `used` columns long; further lines begin at `indent`.
  void Wrap(std::string_view text, std::size_t used, std::size_t indent);

  std::size_t width_;
  std::string text_;
};

}  // namespace smiley::tools
