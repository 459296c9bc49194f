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
// "1:1017"; nullopt when it is none.
std::optional<Position> ParsePosition(std::string_view text);

struct PlaceInRun {
  enum class Kind { kPosition, kStart, kEnd, kException, kLine };
  Kind kind = Kind::kEnd;
  Position position;  // kPosition
  std::string file;   // kLine: its path, or the end of it after a slash
  std::uint32_t line = 0;
  std::uint64_t number = 1;  // kLine: which of its executions, from 1
};
// kInvalid, with the message to show.
Result<PlaceInRun> ParsePlace(std::string_view text);

// Whether `path` is this file: "app.py" and "shop/app.py" are /srv/shop/app.py.
bool IsFile(std::string_view path, std::string_view file);

}  // namespace smiley::daemon
