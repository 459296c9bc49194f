// smiley-list: prints the stored runs.
#include <unistd.h>

#include <optional>

#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/table.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

void AddRow(const RunView& run, std::int64_t now_ns, Table* table) {
  const std::string dash = "-";
  const std::int64_t end = run.end_ns != 0 ? run.end_ns : now_ns;
  std::string command = Clean(CommandLine(run.command));
  if (!run.name.empty()) command = "[" + Clean(run.name) + "] " + command;
  if (run.pinned) command = "(pinned) " + command;
  const bool quiet_end = !run.running() && !run.failed();
  table->AddRow({{run.id, sgr::kBoldCyan},
                 {LocalDateTime(run.start_ns)},
                 {Duration(end - run.start_ns)},
                 {Number(run.events)},
                 {run.lost == 0 ? dash : Number(run.lost), run.lost == 0 ? sgr::kDim : sgr::kAlarm},
                 {NameEnd(run), run.running() ? sgr::kYellow
                                : quiet_end   ? sgr::kGreen
                                              : sgr::kRed},
                 {Bytes(run.bytes)},
                 {command, sgr::kBold}});
}

}  // namespace

int ListMain(int argc, char** argv) {
  bool failed = false, json = false;
  std::optional<std::uint64_t> limit;
  ColorChoice color = ColorChoice::kAuto;
  Arguments arguments("Lists the stored runs, newest first.",
                      "smiley-list   all runs\n"
                      "smiley-list --failed -n 5   the last five that failed\n"
                      "smiley-list --json   one JSON object a line, for scripts");
  arguments.Flag("--failed,--errors", &failed, "only runs that ended with a signal or an exit code other than 0")
      .Number("-n,--limit", &limit, "at most N runs")
      .Flag("--json", &json, "print JSON Lines")
      .Color(&color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  WatchSignals();
  auto link = OpenLink(NeedDaemon::kNo);
  if (!link) return Fail(link.status());

  std::string request = "{\"op\":\"runs\"";
  if (failed) request += ",\"failed\":true";
  if (limit) request += ",\"limit\":" + std::to_string(*limit);
  request += "}";
  const Screen screen = DetectScreen(color);
  Table table(screen.color, screen.unicode, screen.width);
  table.AddColumn("RUN");
  table.AddColumn("STARTED");
  table.AddColumn("TOOK", Table::Align::kRight);
  table.AddColumn("EVENTS", Table::Align::kRight);
  table.AddColumn("LOST", Table::Align::kRight);
  table.AddColumn("ENDED");
  table.AddColumn("SIZE", Table::Align::kRight);
  table.AddColumn("COMMAND");
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t now_ns = now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  Status broken;
  const Status status = ForEachLine(link->get(), request, [&](const std::string& line) {
    if (json) {
      Output::Get().Write(line + "\n");
      return true;
    }
    const Result<RunView> run = ParseRun(line);
    if (run.ok()) {
      AddRow(*run, now_ns, &table);
    } else {
      broken = run.status();
    }
    return run.ok();
  });
  if (!json && !table.empty()) Output::Get().Write(table.Format());
  Output::Get().Flush();
  if (!status) return Fail(status);
  if (!broken) return Fail(broken);
  if (!json && table.empty()) {
    Say(failed ? "no stored run failed; smiley-list shows all runs"
               : "no runs yet; record one with: smiley-run app.py");
  }
  return kExitOk;
}

}  // namespace smiley::tools
