// Thread rule: main thread.
//
// --where on the command line: checked before anything else is done, so that a slip is pointed at right away.
#pragma once

#include <optional>
#include <string>

namespace smiley::tools {

// nullopt: empty or good. Else said what is wrong, pointing at the character, and gives kExitUsage.
std::optional<int> CheckWhere(const std::string& where);

}  // namespace smiley::tools
