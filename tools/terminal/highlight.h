// Thread rule: functions are safe from any thread.
//
// Splits one line of Python into styled parts: keywords, strings, numbers, comments. It sees no other line, so the
// inside of a string that spans lines is styled as code. No character is dropped.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace smiley::tools {

// Pairs of style and text; the texts together equal `line`. REQUIRES clean text (text.h).
std::vector<std::pair<std::string_view, std::string>> Highlight(std::string_view line);

}  // namespace smiley::tools
