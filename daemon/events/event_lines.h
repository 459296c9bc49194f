// Thread rule: an EventWriter belongs to one thread at a time.
//
// Writes event lines for clients: the event objects of the export, with the text of the source line on request.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/events/event.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

// Source texts of one run by number and line.
class SourceLines {
 public:
  SourceLines(Archive& archive, std::string run) : archive_(archive), run_(std::move(run)) {}
  // The text of a line without its newline; empty: not known.
  std::string_view Line(std::uint32_t source, std::uint32_t line);

 private:
  struct Text {
    std::string text;
    std::vector<std::uint32_t> starts;  // byte offset of each line
  };
  void Load();
  Archive& archive_;
  const std::string run_;
  std::unordered_map<std::uint32_t, Text> texts_;
  std::uint32_t asked_again_for_ = 0;  // highest source number that a reload did not find
};

class EventWriter {
 public:
  // `with_text`: an event that has a line gets the member "text".
  EventWriter(Archive& archive, const std::string& run, bool with_text);
  // Appends the event's object and a newline.
  void Append(std::string* out, const Event& event);

 private:
  std::unique_ptr<SourceLines> lines_;
};

}  // namespace smiley::daemon
