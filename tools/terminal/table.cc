#include "tools/terminal/table.h"

#include <algorithm>

#include "tools/terminal/terminal.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

void Table::AddColumn(std::string heading, Align align) { heads_.push_back({std::move(heading), align}); }

void Table::AddRow(std::vector<Cell> cells) {
  cells.resize(heads_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::Format(std::string_view margin) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    std::size_t width = Columns(heads_[i].heading);
    for (const auto& row : rows_) width = std::max(width, Columns(row[i].text));
    widths.push_back(width);
  }
  std::string out;
  const auto line = [&](const auto& text_of, const auto& style_of) {
    out += margin;
    std::size_t used = margin.size();
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      if (i != 0) {
        out += "  ";
        used += 2;
      }
      std::string text = text_of(i);
      const bool last = i + 1 == heads_.size();
      if (last && width_ != 0) text = Cut(text, width_ > used + 8 ? width_ - used : 8, unicode_);
      const std::size_t columns = Columns(text);
      const std::string pad(widths[i] > columns ? widths[i] - columns : 0, ' ');
      if (heads_[i].align == Align::kRight) out += pad;
      out += Paint(color_, style_of(i), text);
      if (heads_[i].align == Align::kLeft && !last) out += pad;
      used += std::max(columns, widths[i]);
    }
    out += '\n';
  };
  line([&](std::size_t i) { return heads_[i].heading; }, [](std::size_t) { return sgr::kDim; });
  for (const auto& row : rows_) {
    line([&](std::size_t i) { return row[i].text; }, [&](std::size_t i) { return row[i].style; });
  }
  return out;
}

}  // namespace smiley::tools
