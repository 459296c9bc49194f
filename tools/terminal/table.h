// Thread rule: a Table belongs to one thread.
//
// Rows in columns that fit: headings, right or left alignment, a style per cell, the last column cut to the terminal.
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
    std::string text;  // clean
    std::string_view style = {};
  };
  // `width` 0: nothing is cut.
  Table(bool color, bool unicode, std::size_t width) : color_(color), unicode_(unicode), width_(width) {}
  void Column(std::string heading, Align align = Align::kLeft);
  void Row(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  std::string Print(std::string_view margin = "") const;

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
