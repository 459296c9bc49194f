// smiley-stats: counts and times the calls of a run, function by function.
#include <algorithm>
#include <string>
#include <vector>

#include "tools/commands/arguments.h"
#include "tools/commands/calls_view.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"
#include "tools/link/connect.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/table.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

struct Options {
  std::string selector = "last", sort = "cumulative", task;
  std::optional<std::uint64_t> thread, limit;
  bool json = false, raw = false, callers = false;
  ColorChoice color = ColorChoice::kAuto;
};

constexpr std::uint64_t kRowsOnTerminal = 40;

std::string CallsText(const AnswerObject& object) {
  const std::uint64_t calls = object.Number("calls"), primitive = object.Number("primitive");
  return calls == primitive ? Number(calls) : Number(calls) + "/" + Number(primitive);
}

std::string PerCall(std::int64_t ns, std::uint64_t calls) {
  return calls == 0 ? "-" : Duration(ns / static_cast<std::int64_t>(calls));
}

void AddRow(const AnswerObject& object, const Options& options, const Screen& screen, bool caller, Table* table) {
  const std::int64_t own = object.Signed(options.raw ? "recorded_own_ns" : "own_ns");
  const std::int64_t cumulative = object.Signed(options.raw ? "recorded_cumulative_ns" : "cumulative_ns");
  const std::string_view style = caller ? sgr::kDim : std::string_view();
  std::string name = Clean(object.Text("function"));
  if (object.Has("file")) {
    const std::string file = object.Text("file");
    name += "  " + Clean(BaseName(file)) + ":" + std::to_string(object.Number("line"));
  }
  table->AddRow({{CallsText(object), style},
                 {Duration(own), caller ? style : sgr::kBold},
                 {PerCall(own, object.Number("calls")), style},
                 {Duration(cumulative), style},
                 {PerCall(cumulative, object.Number("primitive")), style},
                 {caller ? (screen.unicode ? "  ← " : "  <- ") + name : name, style}});
}

// smiley-stats export RUN [FILE]: runs smiley-export --format pstats.
int ExportStats(int argc, char** argv) {
  std::string output = "-o", format = "--format", pstats = "pstats";
  std::vector<char*> words{argv[0]};
  int given = 0;
  for (int i = 2; i < argc; ++i) {
    if (argv[i][0] != '-' && ++given == 2) words.push_back(output.data());
    words.push_back(argv[i]);
  }
  words.insert(words.end(), {format.data(), pstats.data(), nullptr});
  return ExportMain(static_cast<int>(words.size()) - 1, words.data());
}

}  // namespace

int StatsMain(int argc, char** argv) {
  Options options;
  Arguments arguments(
      "Counts and times the calls of a run, function by function, as a profiler does. The estimated recording "
      "overhead "
      "is removed from the times. Each resume of a generator counts as a call. CALLS shows calls/primitive calls; a "
      "primitive call is not recursive.",
      "smiley-stats last   sorted by time, including callees\n"
      "smiley-stats last --sort tottime -n 10   the ten functions with the most time of their own\n"
      "smiley-stats last --thread 2 --callers   one thread, with the callers of each function\n"
      "smiley-stats last --json | jq .function\n"
      "smiley-stats export last run.pstats   for Python's pstats and tools that read it");
  arguments
      .Word("RUN", &options.selector, "a run id or its beginning, last, last~1 or last:failed (default: last)", false)
      .Text("--sort", &options.sort,
            "sort as pstats does, by calls, cumulative, cumtime, file, filename, module, ncalls, pcalls, line, name, "
            "nfl, stdname, time or tottime (default: cumulative)",
            "KEY")
      .Number("--thread", &options.thread, "only this thread (see smiley-threads)")
      .Text("--task", &options.task, "only while this task runs: a number, PROCESS:NUMBER or a name", "TASK")
      .Number("-n,--limit", &options.limit, "at most N functions (default: 40 on a terminal, else all)")
      .Flag("--callers", &options.callers, "show the callers of each function")
      .Flag("--raw", &options.raw, "show times as recorded, with the recording overhead")
      .Flag("--json", &options.json, "print JSON Lines: the functions with their callers, then the totals")
      .Color(&options.color)
      .Connect();
  // The spelling of the original smiley: smiley stats export RUN [FILE], smiley stats show RUN.
  if (argc > 1 && std::string_view(argv[1]) == "export") return ExportStats(argc, argv);
  const bool show = argc > 1 && std::string_view(argv[1]) == "show";
  std::vector<char*> words(argv, argv + argc);
  if (show) words.erase(words.begin() + 1);
  words.push_back(nullptr);
  if (const auto exit = arguments.Parse(static_cast<int>(words.size()) - 1, words.data())) return *exit;
  const Result<OpenedRun> opened = OpenRun(options.selector);
  if (!opened) return Fail(opened.status());
  Link* link = opened->link.get();
  const RunView* run = &opened->run;
  const Result<std::string> task = TaskFields(link, run->id, options.task);
  if (!task) return Fail(task.status());
  const Screen screen = DetectScreen(options.color);
  std::string request = "{\"op\":\"stats\",\"run\":" + Quote(run->id) + ",\"sort\":" + Quote(options.sort) + *task;
  if (options.thread) request += ",\"thread\":" + std::to_string(*options.thread);
  const bool cut = !options.limit && !options.json && screen.terminal;
  if (options.limit || cut) request += ",\"limit\":" + std::to_string(options.limit.value_or(kRowsOnTerminal));
  if (!options.callers && !options.json) request += ",\"callers\":false";
  request += "}";

  Table table(screen.color, screen.unicode, screen.width);
  for (const char* heading : {"CALLS", "OWN", "PER CALL", "CUMULATIVE", "PER CALL"})
    table.AddColumn(heading, Table::Align::kRight);
  table.AddColumn("FUNCTION");
  Progress progress;
  progress.Show("counting the calls of run " + run->id);
  std::string end_line;
  const auto add = [&](const AnswerObject& object) {
    AddRow(object, options, screen, false, &table);
    for (const AnswerObject& caller : object.List("callers")) AddRow(caller, options, screen, true, &table);
  };
  const Status status = ForEachAnswer(link, request, options.json, &progress, add, &end_line);
  if (Interrupted()) return kExitInterrupted;
  if (!status) {
    Say(status.message());
    return status.code() == Code::kInvalid ? kExitUsage : kExitNo;
  }
  const auto end = AnswerObject::Parse(end_line);
  if (!end) return Fail(end.status());
  if (options.json) {
    Output::Get().Write(end->AsTotals("totals") + "\n");
    Output::Get().Flush();
    return kExitOk;
  }
  if (table.empty()) {
    Say("run " + run->id + " has no recorded calls here; see smiley-show " + run->id + TargetWords());
    return kExitNo;
  }
  std::string out = Number(end->Number("calls")) + " calls (" + Number(end->Number("primitive")) + " primitive) in " +
                    TimesText(*end) + "\n";
  if (options.raw) out += "The times below are as recorded and include that overhead.\n";
  out += "\n" + table.Format();
  if (cut && end->Number("functions") > end->Number("count")) {
    out += Paint(screen.color, sgr::kDim,
                 "and " + Number(end->Number("functions") - end->Number("count")) + " more functions: -n " +
                     std::to_string(end->Number("functions"))) +
           "\n";
  }
  Output::Get().Write(out);
  Output::Get().Flush();
  if (end->Number("lost") > 0)
    Say(Plural(end->Number("lost"), "event", "events") + " were lost: calls among them are not counted");
  if (run->running()) Say("run " + run->id + " is still going on: these are its calls so far");
  return kExitOk;
}

}  // namespace smiley::tools
