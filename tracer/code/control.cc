#include "tracer/code/control.h"

#include <charconv>

#include "tracer/code/code_info.h"
#include "tracer/values/types.h"

namespace smiley::tracer {
namespace {

// logging calls this method with each record that its logger accepts, before any handler runs.
constexpr std::string_view kLoggingFunction = "Logger.callHandlers", kLoggingFile = "logging/__init__.py";

template <typename Number>
bool IsNumber(std::string_view text, Number* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

// Whether `end` is the whole, or its end after a separator.
bool EndsAs(std::string_view whole, std::string_view end, char separator) {
  if (!whole.ends_with(end)) return false;
  return whole.size() == end.size() || whole[whole.size() - end.size() - 1] == separator;
}

}  // namespace

Control::Point Control::Parse(const std::string& text) {
  Point point;
  if (IsNumber(text, &point.events)) return point;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string::npos && IsNumber(std::string_view(text).substr(colon + 1), &point.line)) {
    point.file = text.substr(0, colon);
    return point;
  }
  point.function = text;
  return point;
}

void Control::Set(const std::string& start_at, const std::string& stop_after, bool logs) {
  logs_ = logs;
  if (!start_at.empty()) start_ = Parse(start_at);
  if (!stop_after.empty()) stop_ = Parse(stop_after);
}

bool Control::Point::IsFunction(std::string_view name) const {
  return !function.empty() && EndsAs(name, function, '.');
}
bool Control::Point::IsFile(std::string_view name) const { return line != 0 && EndsAs(name, file, '/'); }

void Control::Mark(PyCodeObject* code, CodeInfo* info) const {
  const bool begins = PyUnicode_CompareWithASCIIString(code->co_qualname, "Thread._bootstrap_inner") == 0;
  if (begins || PyUnicode_CompareWithASCIIString(code->co_qualname, "Thread._delete") == 0) {
    info->bounds_thread = EndsAs(Utf8(code->co_filename), "threading.py", '/');
  }
  if (!start_.given() && !stop_.given() && !logs_) return;
  const std::string name = Utf8(code->co_qualname), file = Utf8(code->co_filename);
  info->logs = logs_ && name == kLoggingFunction && EndsAs(file, kLoggingFile, '/');
  info->starts = start_.IsFunction(name);
  info->stops = stop_.IsFunction(name);
  if (start_.IsFile(file)) info->start_line = start_.line;
  if (stop_.IsFile(file)) info->stop_line = stop_.line;
}

}  // namespace smiley::tracer
