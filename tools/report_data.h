// Thread rule: functions of the main thread.
//
// What a static report is made of: everything that the page asks about a run, as JSON Lines in parts, and the page's own
// files. smiley-report writes them as files beside each other, smiley-export --format html as one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "shm/status.h"
#include "tools/link.h"
#include "tools/run_view.h"

namespace smiley::tools {

struct ReportOptions {
  static constexpr std::uint64_t kMostEvents = 200'000;  // more make a page that opens slowly
  std::string around;                                    // a position, "2:1017"; empty: the whole run
  std::uint64_t events = kMostEvents;                    // at most; with `around`, so many around it in its thread
  std::string title;
};

// Hands the parts to `write`, in order, each a few hundred kilobytes of whole lines. kInvalid: the run is larger than
// options.events and no position was named; the message says what can be done.
Status CollectReport(Link* link, const RunView& run, const ReportOptions& options,
                     const std::function<Status(const std::string& part)>& write);

// A part as the line of JavaScript that hands it to the page; safe within HTML too.
std::string ReportScript(std::string_view part);
// The page for a report: with `scripts` (names of files to be loaded before it), or, where `inlined`, with everything in it
// and `scripts` as the code itself.
Result<std::string> ReportPage(const std::string& title, const std::string& scripts, bool inlined);
// A whole run as one page. In memory: a report is small.
Result<std::string> ReportAsOneFile(Link* link, const RunView& run);
// One of the page's files; kNotFound when smiley was built without its page.
Result<std::string_view> ReportFile(std::string_view name);

}  // namespace smiley::tools
