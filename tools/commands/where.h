// Thread rule: a function of the main thread.
//
// Checks --where before anything else happens, so that a mistake is reported at once.
#pragma once

#include <optional>
#include <string>

namespace smiley::tools {

// nullopt: `where` is empty or valid. Otherwise it reports the error, marks its position and returns kExitUsage.
std::optional<int> CheckWhere(const std::string& where);

}  // namespace smiley::tools
