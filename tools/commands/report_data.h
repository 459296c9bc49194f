// Thread rule: functions of the main thread.
//
// The data of a static report: the answers that the page needs, as JSON Lines in parts, and the files of the page.
// smiley-report writes them as separate files, smiley-export --format html as one file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "shm/base/status.h"
#include "tools/link/link.h"
#include "tools/link/run_view.h"

namespace smiley::tools {

struct ReportOptions {
  static constexpr std::uint64_t kMostEvents = 200'000;  // a page with more events opens slowly
  // Select a part of the run; a part must match all that are given. Without any: the whole run.
  std::string around;  // a position, "2:1017": as many events before and after it as `events` permits
  std::string where;   // an expression; REQUIRES CheckWhere (where.h)
  std::optional<std::uint32_t> thread;
  // Largest number of events. A gap before an event that is kept counts as kGapCost events.
  std::uint64_t events = kMostEvents;
  static constexpr std::uint64_t kGapCost = 10;
  std::string title;  // empty = the command
};

// Passes the parts to `write`, in order. A part is a few hundred kilobytes of whole lines. kInvalid: the selection
// has more than options.events events and nothing was written; the message says how to select less.
Status CollectReport(Link* link, const RunView& run, const ReportOptions& options,
                     const std::function<Status(const std::string& part)>& write);

// A part as a line of JavaScript that passes it to the page. The line is safe within HTML.
std::string ReportScript(std::string_view part);
// The page of a report. `scripts`: script elements that load the parts; where `inlined`, the code of the parts
// itself.
Result<std::string> ReportPage(const std::string& title, const std::string& scripts, bool inlined);
// A report as one page, built in memory.
Result<std::string> ReportAsOneFile(Link* link, const RunView& run, const ReportOptions& options);
// A file of the page. kNotFound: smiley was built without its page.
Result<std::string_view> ReportFile(std::string_view name);

}  // namespace smiley::tools
