// Thread rule: functions are safe from any thread.
//
// One line of Python in colours: keywords, strings, numbers, comments. Knows nothing of the lines around it, so the
// inside of a string that spans lines is coloured as code; nothing is ever left out.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace smiley::tools {

// Parts of (style, text) that together are `line`. REQUIRES clean text.
std::vector<std::pair<std::string_view, std::string>> Highlight(std::string_view line);

}  // namespace smiley::tools
