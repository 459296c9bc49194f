#include "daemon/find/position.h"

#include <charconv>

namespace smiley::daemon {
namespace {

template <typename Number>
bool ReadNumber(std::string_view text, Number* number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return problem == std::errc() && end == text.data() + text.size() && !text.empty() && *number != 0;
}

}  // namespace

std::string ToText(const Position& position) {
  return std::to_string(position.thread) + ":" + std::to_string(position.seq);
}

std::optional<Position> ParsePosition(std::string_view text) {
  Position position;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !ReadNumber(text.substr(0, colon), &position.thread) ||
      !ReadNumber(text.substr(colon + 1), &position.seq)) {
    return std::nullopt;
  }
  return position;
}

Result<PlaceInRun> ParsePlace(std::string_view text) {
  PlaceInRun place;
  if (const auto position = ParsePosition(text)) {
    place.kind = PlaceInRun::Kind::kPosition;
    place.position = *position;
    return place;
  }
  if (text == "start" || text == "end" || text == "exception") {
    place.kind = text == "start" ? PlaceInRun::Kind::kStart
                 : text == "end" ? PlaceInRun::Kind::kEnd
                                 : PlaceInRun::Kind::kException;
    return place;
  }
  const std::size_t colon = text.rfind(':');
  const std::size_t hash = colon == std::string_view::npos ? colon : text.find('#', colon);
  place.kind = PlaceInRun::Kind::kLine;
  if (colon == std::string_view::npos || colon == 0 ||
      !ReadNumber(text.substr(colon + 1, hash == std::string_view::npos ? hash : hash - colon - 1), &place.line) ||
      (hash != std::string_view::npos && !ReadNumber(text.substr(hash + 1), &place.number))) {
    return Status(Code::kInvalid, "'" + std::string(text.substr(0, 200)) +
                                      "' is no place in a run: write 1:1017 (thread:event), app.py:12, app.py:12#3, "
                                      "start, end or exception");
  }
  place.file = text.substr(0, colon);
  return place;
}

bool IsFile(std::string_view path, std::string_view file) {
  if (!path.ends_with(file) || file.empty()) return false;
  return path.size() == file.size() || file.front() == '/' || path[path.size() - file.size() - 1] == '/';
}

}  // namespace smiley::daemon
