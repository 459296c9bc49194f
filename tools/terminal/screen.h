// Thread rule: a plain value and a function of the main thread.
//
// What standard output can show. Commands pass it to the code that formats their results.
#pragma once

#include <cstddef>

#include "tools/terminal/terminal.h"

namespace smiley::tools {

struct Screen {
  bool color = false;
  bool unicode = true;    // lines, arrows and dots beyond ASCII may be used
  bool terminal = false;  // standard output is a terminal
  std::size_t width = 0;  // columns; 0 = no limit
};

// The screen that standard output is now.
Screen DetectScreen(ColorChoice choice);

}  // namespace smiley::tools
