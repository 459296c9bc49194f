// Thread rule: a Table belongs to one thread.
//
// Rows in aligned columns, with headings and a style per cell. The last column is cut to the width.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace smiley::tools {

class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Cell {
    std::string text;  // clean (text.h)
    std::string_view style = {};
  };
  // `width`: columns; 0 = nothing is cut.
  Table(bool color, bool unicode, std::size_t width) : color_(color), unicode_(unicode), width_(width) {}
  void AddColumn(std::string heading, Align align = Align::kLeft);
  // Missing cells are empty.
  void AddRow(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  // Headings and rows, each line behind `margin`.
  std::string Format(std::string_view margin = "") const;

 private:
  struct Head {
    std::string heading;
    Align align;
  };
  bool color_, unicode_;
  std::size_t width_;
  std::vector<Head> heads_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace smiley::tools
