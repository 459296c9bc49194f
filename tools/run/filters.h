// Thread rule: functions of the main thread.
//
// --explain-filters: the recorded processes say in a file of the run which rule decided for which file.
#pragma once

#include <string>

#include "shm/base/home.h"

namespace smiley::tools {

std::string FiltersFile(const shm::Home& home, const std::string& run);
// Shows it on standard error, a line a file, and removes it.
void ExplainFilters(const shm::Home& home, const std::string& run);

}  // namespace smiley::tools
