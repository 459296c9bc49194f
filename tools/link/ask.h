// Thread rule: functions of the main thread.
//
// Requests that most commands share: read a stream of objects, find a run, open it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "shm/base/status.h"
#include "tools/link/link.h"
#include "tools/link/run_view.h"
#include "tools/terminal/terminal.h"

namespace smiley::tools {

// Calls `each` for every line of the stream that answers `request`. When `each` returns false, reading stops and the
// link must not be used again. `end` (may be null) gets the end line of a stream that was read to its end.
Status ForEachLine(Link* link, std::string_view request, const std::function<bool(const std::string&)>& each,
                   std::string* end = nullptr);
// Finds the run of a selector. `line` (may be null) gets the whole answer.
Result<RunView> AskRun(Link* link, const std::string& selector, std::string* line = nullptr);

// The run that a command reads, and the connection to it.
struct OpenedRun {
  std::unique_ptr<Link> link;
  RunView run;
};
// Watches signals, opens the link and finds the run.
Result<OpenedRun> OpenRun(const std::string& selector);

}  // namespace smiley::tools
