// Thread rule: functions of the main thread.
//
// What a static report is made of: everything that the page asks about a run, as JSON Lines in parts, and the page's
// own files. smiley-report writes them as files beside each other, smiley-export --format html as one.
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
  static constexpr std::uint64_t kMostEvents = 200'000;  // more make a page that opens slowly
  // What of the run is in it; all that is given must hold. Nothing given: the whole run.
  std::string around;  // a position, "2:1017", and as many events before and behind it as there may be
  std::string where;   // events at which this holds. REQUIRES that it was checked (tools/commands/where.h)
  std::optional<std::uint32_t> thread;
  // At most so many; each place where events are left out before one that is kept counts as kGapCost of them.
  std::uint64_t events = kMostEvents;
  static constexpr std::uint64_t kGapCost = 10;
  std::string title;
};

// Hands the parts to `write`, in order, each a few hundred kilobytes of whole lines. kInvalid: there is more than
// options.events, and nothing was written; the message says what can be done.
Status CollectReport(Link* link, const RunView& run, const ReportOptions& options,
                     const std::function<Status(const std::string& part)>& write);

// A part as the line of JavaScript that hands it to the page; safe within HTML too.
std::string ReportScript(std::string_view part);
// The page for a report: with `scripts` (names of files to be loaded before it), or, where `inlined`, with everything
// in it and `scripts` as the code itself.
Result<std::string> ReportPage(const std::string& title, const std::string& scripts, bool inlined);
// A report as one page. In memory: it is small.
Result<std::string> ReportAsOneFile(Link* link, const RunView& run, const ReportOptions& options);
// One of the page's files; kNotFound when smiley was built without its page.
Result<std::string_view> ReportFile(std::string_view name);

}  // namespace smiley::tools
