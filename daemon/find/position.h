// Thread rule: plain values and functions; any thread.
//
// A place in a run, as people write it: "1:1017" (thread:seq), "end", "start", "exception", "app.py:12#3".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shm/base/status.h"

namespace smiley::daemon {

struct Position {
  std::uint32_t thread = 0;
  std::uint64_t seq = 0;
  friend bool operator==(const Position&, const Position&) = default;
};
std::string ToText(const Position& position);
// Reads "1:1017"; nullopt: the text is no position.
std::optional<Position> ParsePosition(std::string_view text);

struct PlaceInRun {
  enum class Kind { kPosition, kStart, kEnd, kException, kLine };
  Kind kind = Kind::kEnd;
  Position position;  // kPosition
  std::string file;   // kLine: path of the file, or its end after a slash
  std::uint32_t line = 0;
  std::uint64_t number = 1;  // kLine: number of the line's execution, from 1
};
// kInvalid: the text is no place; the message is for the user.
Result<PlaceInRun> ParsePlace(std::string_view text);

// Whether `file` names `path`: "app.py" and "shop/app.py" name /srv/shop/app.py.
bool IsFile(std::string_view path, std::string_view file);

}  // namespace smiley::daemon
