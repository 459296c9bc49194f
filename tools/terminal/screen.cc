#include "tools/terminal/screen.h"

#include <unistd.h>

namespace smiley::tools {

Screen DetectScreen(ColorChoice choice) {
  Screen screen;
  screen.color = UseColor(choice, STDOUT_FILENO);
  screen.unicode = UnicodeLocale();
  screen.terminal = IsTerminal(STDOUT_FILENO);
  screen.width = TerminalWidth(STDOUT_FILENO);
  return screen;
}

}  // namespace smiley::tools
