#include "tools/commands/calls_view.h"

#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

bool AllDigits(const std::string& text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
}
std::string Fields(const std::string& process, const std::string& task) {
  return ",\"task\":" + task + ",\"process\":" + process;
}

}  // namespace

Result<std::string> TaskFields(Link* link, const std::string& run, const std::string& task) {
  if (task.empty()) return std::string();
  if (AllDigits(task)) return ",\"task\":" + task;
  const std::size_t colon = task.find(':');
  if (colon != std::string::npos && AllDigits(task.substr(0, colon)) && AllDigits(task.substr(colon + 1))) {
    return Fields(task.substr(0, colon), task.substr(colon + 1));
  }
  std::string found;
  std::size_t count = 0;
  const Status status =
      ForEachLine(link, "{\"op\":\"tasks\",\"run\":" + Quote(run) + "}", [&](const std::string& line) {
        const auto object = AnswerObject::Parse(line);
        if (object.ok() && object->Text("name") == task && ++count == 1) {
          found = Fields(std::to_string(object->Number("process")), std::to_string(object->Number("task")));
        }
        return true;
      });
  if (!status) return status;
  if (count == 0) return Status(Code::kNotFound, "run " + run + " has no task '" + task + "'");
  if (count > 1) {
    return Status(Code::kInvalid, std::to_string(count) + " tasks of run " + run + " are called '" + task +
                                      "'; give the number of one");
  }
  return found;
}

std::string TimesText(const AnswerObject& end) {
  const std::int64_t cost = end.Signed("cost_ns");
  std::string text = Duration(end.Signed("own_ns"));
  if (cost == 0) return text;
  return text + "; recording overhead removed: " + Duration(cost) + " (" +
         Duration(static_cast<std::int64_t>(end.Real("cost_per_event_ns"))) + " an event, estimated)";
}

}  // namespace smiley::tools
