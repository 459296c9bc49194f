// Thread rule: plain values and functions of the main thread.
//
// Asking for a stream of objects and reading it to its end; finding and opening one run.
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

// Calls `each` for every object of the stream that answers `request`; `each` returns false to be done with it (the
// link must not be used afterwards). `end` (may be null) gets the end line.
Status ForEachLine(Link* link, std::string_view request, const std::function<bool(const std::string&)>& each,
                   std::string* end = nullptr);
// The run that a selector means.
Result<RunView> AskRun(Link* link, const std::string& selector, std::string* line = nullptr);

// What reading one run begins with: Ctrl-C is noticed from here on, the runs are reached, the run is found.
struct OpenedRun {
  std::unique_ptr<Link> link;
  RunView run;
};
Result<OpenedRun> OpenRun(const std::string& selector);

}  // namespace smiley::tools
