#include "tools/link/ask.h"

#include <utility>

namespace smiley::tools {

Status ForEachLine(Link* link, std::string_view request, const std::function<bool(const std::string&)>& each,
                   std::string* end) {
  const Result<std::string> head = link->Ask(request);
  if (!head) return head.status();
  std::string line;
  for (;;) {
    const Result<bool> more = link->NextLine(&line);
    if (!more) return more.status();
    if (!*more) break;
    if (!each(line)) return Status::Ok();
  }
  if (end != nullptr) *end = line;
  return Status::Ok();
}

Result<RunView> AskRun(Link* link, const std::string& selector, std::string* line) {
  const Result<std::string> answer = link->Ask("{\"op\":\"run\",\"run\":" + Quote(selector) + "}");
  if (!answer) return answer.status();
  if (line != nullptr) *line = *answer;
  return ParseRun(*answer);
}

Result<OpenedRun> OpenRun(const std::string& selector) {
  WatchSignals();
  auto link = OpenLink(NeedDaemon::kNo);
  if (!link) return link.status();
  Result<RunView> run = AskRun(link->get(), selector);
  if (!run) return run.status();
  return OpenedRun{std::move(*link), std::move(*run)};
}

}  // namespace smiley::tools
