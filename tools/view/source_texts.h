// Thread rule: a SourceBook belongs to one thread.
//
// The sources of one run, by number and line: what to print beside an event.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace smiley::tools {

class SourceBook {
 public:
  // A number that is known already keeps its text: sources of a run never change.
  void Add(std::uint32_t number, std::string text);
  bool Has(std::uint32_t number) const { return texts_.count(number) != 0; }
  std::size_t size() const { return texts_.size(); }
  void Clear() { texts_.clear(); }
  // The line without its end; empty when source or line is not there. Valid until Clear.
  std::string_view Line(std::uint32_t number, std::uint32_t line) const;
  // The comment lines directly above `line`, top first; at most `most`, the nearest ones.
  std::vector<std::string_view> CommentAbove(std::uint32_t number, std::uint32_t line, std::size_t most = 8) const;

 private:
  struct Text {
    std::string text;
    std::vector<std::size_t> begins;  // offset of each line
  };
  std::unordered_map<std::uint32_t, Text> texts_;
};

// Spaces before the first other character; a tab goes to the next multiple of 8, as Python counts.
std::size_t Indentation(std::string_view line);

}  // namespace smiley::tools
