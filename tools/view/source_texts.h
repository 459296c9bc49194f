// Thread rule: a SourceTexts object belongs to one thread.
//
// The source texts of one run, by source number and line, to print beside events.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace smiley::tools {

class SourceTexts {
 public:
  // Keeps the first text of a number, because the sources of a run never change.
  void Add(std::uint32_t number, std::string text);
  bool Has(std::uint32_t number) const { return texts_.count(number) != 0; }
  std::size_t size() const { return texts_.size(); }
  void Clear() { texts_.clear(); }
  // The line without its line end. Empty when there is no such source or line. Valid until Clear.
  std::string_view Line(std::uint32_t number, std::uint32_t line) const;
  // The comment lines directly above `line`, in order; the nearest `most` of them.
  std::vector<std::string_view> CommentAbove(std::uint32_t number, std::uint32_t line, std::size_t most = 8) const;

 private:
  struct Text {
    std::string text;
    std::vector<std::size_t> begins;  // byte offset of each line
  };
  std::unordered_map<std::uint32_t, Text> texts_;
};

// Columns before the first other character. A tab advances to the next multiple of 8, as Python counts.
std::size_t Indentation(std::string_view line);

}  // namespace smiley::tools
