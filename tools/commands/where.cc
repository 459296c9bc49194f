#include "tools/commands/where.h"

#include <unistd.h>

#include "shm/expression/expression.h"
#include "tools/terminal/terminal.h"

namespace smiley::tools {

std::optional<int> CheckWhere(const std::string& where) {
  if (where.empty()) return std::nullopt;
  shm::ParseError error;
  const Result<shm::Expression> expression = shm::Expression::Parse(where, &error);
  if (expression.ok()) return std::nullopt;
  Say("--where: " + expression.status().message());
  const std::string pointed = shm::FormatParseError(where, error);
  std::string lines = "  ";
  for (const char c : pointed) {
    lines += c;
    if (c == '\n') lines += "  ";
  }
  lines += '\n';
  // A failed write is ignored, because the message above describes the problem.
  const ssize_t written = ::write(STDERR_FILENO, lines.data(), lines.size());
  static_cast<void>(written);
  return kExitUsage;
}

}  // namespace smiley::tools
