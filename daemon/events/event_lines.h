// Thread rule: an EventWriter belongs to one thread at a time.
//
// Event lines for clients: the export's event objects, with the text of the source line where asked for.
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
  // Without the line's end; empty when not known.
  std::string_view Line(std::uint32_t source, std::uint32_t line);

 private:
  struct Text {
    std::string text;
    std::vector<std::uint32_t> starts;  // offset of each line; made when first asked for
  };
  void Load();
  Archive& archive_;
  const std::string run_;
  std::unordered_map<std::uint32_t, Text> texts_;
  std::uint32_t asked_again_for_ = 0;  // highest number that a reload did not bring
};

class EventWriter {
 public:
  // `with_text`: each event that has a line carries "text".
  EventWriter(Archive& archive, const std::string& run, bool with_text);
  // Appends the object and a newline.
  void Append(std::string* out, const Event& event);

 private:
  std::unique_ptr<SourceLines> lines_;
};

}  // namespace smiley::daemon
