// Thread rule: functions of the main thread.
//
// --explain-filters: the recorded processes write into a file of the run which rule decided for each source file.
#pragma once

#include <string>

#include "shm/base/home.h"

namespace smiley::tools {

// The path of that file.
std::string FiltersFile(const shm::Home& home, const std::string& run);
// Prints it to standard error, a line for each source file, and removes it.
void ExplainFilters(const shm::Home& home, const std::string& run);

}  // namespace smiley::tools
