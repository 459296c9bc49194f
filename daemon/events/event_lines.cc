#include "daemon/events/event_lines.h"

#include "daemon/events/event_json.h"
#include "daemon/value/value.h"

namespace smiley::daemon {

void SourceLines::Load() {
  auto sources = archive_.Sources(run_);
  if (!sources) return;
  for (SourceInfo& source : *sources) {
    if (texts_.contains(source.source)) continue;
    Text& text = texts_[source.source];
    text.text = std::move(source.text);
    text.starts.push_back(0);
    for (std::size_t at = text.text.find('\n'); at != std::string::npos; at = text.text.find('\n', at + 1)) {
      text.starts.push_back(static_cast<std::uint32_t>(at + 1));
    }
  }
}

std::string_view SourceLines::Line(std::uint32_t source, std::uint32_t line) {
  if (source == 0 || line == 0) return {};
  auto it = texts_.find(source);
  if (it == texts_.end()) {
    // A running program adds sources. A source that stays unknown is loaded only once.
    if (source <= asked_again_for_) return {};
    Load();
    it = texts_.find(source);
    if (it == texts_.end()) {
      asked_again_for_ = source;
      return {};
    }
  }
  const Text& text = it->second;
  if (line > text.starts.size()) return {};
  const std::size_t from = text.starts[line - 1];
  std::size_t to = line < text.starts.size() ? text.starts[line] - 1 : text.text.size();
  if (to > from && text.text[to - 1] == '\r') --to;
  return std::string_view(text.text).substr(from, to - from);
}

EventWriter::EventWriter(Archive& archive, const std::string& run, bool with_text) {
  if (with_text) lines_ = std::make_unique<SourceLines>(archive, run);
}

void EventWriter::Append(std::string* out, const Event& event) {
  AppendOpenEventJson(out, event);
  if (lines_ != nullptr && event.code != nullptr && event.line != 0) {
    const std::string_view text = lines_->Line(event.code->source, event.line);
    if (!text.empty()) {
      *out += ",\"text\":";
      AppendJsonString(out, text);
    }
  }
  *out += "}\n";
}

}  // namespace smiley::daemon
