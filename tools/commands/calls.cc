// smiley-calls: prints the call tree of a run.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tools/commands/arguments.h"
#include "tools/commands/calls_view.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"
#include "tools/link/connect.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

struct Row {
  std::size_t depth = 0;
  std::uint64_t calls = 0;
  std::int64_t own = 0, cumulative = 0;
  std::string name;
  bool folded = false;
};

// Draws the lines that join a row to its callers, with a bar where more callees of a caller follow.
std::string DrawJoints(const std::vector<Row>& rows, std::size_t at, std::vector<bool>* more, bool unicode) {
  const std::size_t depth = rows[at].depth;
  bool follows = false;
  for (std::size_t i = at + 1; i < rows.size() && rows[i].depth >= depth; ++i) {
    if (rows[i].depth != depth) continue;
    follows = true;
    break;
  }
  more->resize(depth);
  std::string out;
  for (std::size_t i = 1; i < depth; ++i) out += (*more)[i] ? (unicode ? "│ " : "| ") : "  ";
  if (depth > 0) out += follows ? (unicode ? "├ " : "+ ") : (unicode ? "└ " : "` ");
  more->push_back(follows);
  return out;
}

std::string FormatTree(const std::vector<Row>& rows, bool by_count, const Screen& screen) {
  std::int64_t whole_ns = 0;
  for (const Row& row : rows) {
    if (row.depth > 0) continue;
    whole_ns += row.cumulative;
  }
  std::string out = Paint(screen.color, sgr::kDim,
                          PadLeft("CUMULATIVE", 18) + PadLeft("OWN", 10) + PadLeft("CALLS", 13) + "  FUNCTION") +
                    "\n";
  std::vector<bool> more;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const double share = by_count ? 0
                         : whole_ns == 0
                             ? 0
                             : 100.0 * static_cast<double>(row.cumulative) / static_cast<double>(whole_ns);
    std::string line = PadLeft(by_count ? "" : fmt::format("{:.1f} %", share), 8) +
                       PadLeft(Duration(row.cumulative), 10) + PadLeft(Duration(row.own), 10) +
                       PadLeft(Number(row.calls), 13) + "  ";
    line += DrawJoints(rows, i, &more, screen.unicode) + row.name;
    if (row.folded) line += screen.unicode ? " …" : " ...";
    out += (screen.width == 0 ? line : Cut(line, screen.width, screen.unicode)) + "\n";
  }
  return out;
}

}  // namespace

int CallsMain(int argc, char** argv) {
  std::string selector = "last", by = "time", task;
  std::optional<std::uint64_t> depth, thread, least;
  bool json = false;
  ColorChoice color = ColorChoice::kAuto;
  Arguments arguments(
      "Shows who called whom as a tree. Calls of one function through the same chain of callers share a line.",
      "smiley-calls last   most time first\n"
      "smiley-calls last --by count --depth 4   most calls first, four calls deep\n"
      "smiley-calls last --thread 2 --json   one thread, for scripts");
  arguments.Word("RUN", &selector, "a run id or its beginning, last, last~1 or last:failed (default: last)", false)
      .OneOf("--by", &by, {"time", "count"}, "sort by time or by number of calls (default: time)")
      .Number("--depth", &depth, "show at most N calls deep; deeper calls count for their caller")
      .Number("--thread", &thread, "only this thread (see smiley-threads)")
      .Text("--task", &task, "only while this task runs: a number, PROCESS:NUMBER or a name", "TASK")
      .Number("--least", &least, "hide calls below N/1000 of total time (default: 5; with --json 0)")
      .Flag("--json", &json, "print JSON Lines: callers before their callees, then the totals")
      .Color(&color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if ((depth && *depth == 0) || (least && *least > 1000)) {
    Say(least && *least > 1000 ? "--least takes thousandths, from 0 to 1000" : "--depth takes a number from 1");
    return kExitUsage;
  }
  const Result<OpenedRun> opened = OpenRun(selector);
  if (!opened) return Fail(opened.status());
  Link* link = opened->link.get();
  const RunView* run = &opened->run;
  const Result<std::string> task_fields = TaskFields(link, run->id, task);
  if (!task_fields) return Fail(task_fields.status());
  const Screen screen = DetectScreen(color);
  std::string request = "{\"op\":\"calls\",\"run\":" + Quote(run->id) + ",\"by\":" + Quote(by) + *task_fields;
  if (depth) request += ",\"depth\":" + std::to_string(*depth);
  if (thread) request += ",\"thread\":" + std::to_string(*thread);
  request += ",\"least\":" + std::to_string(least.value_or(json ? 0 : 5)) + "}";
  std::vector<Row> rows;
  std::string end_line;
  Progress progress;
  progress.Show("reading the calls of run " + run->id);
  const auto add = [&](const AnswerObject& object) {
    std::string name = Clean(object.Text("function"));
    if (object.Has("file")) {
      const std::string file = object.Text("file");
      name += "  " + Clean(BaseName(file)) + ":" + std::to_string(object.Number("line"));
    }
    rows.push_back({object.Number("depth"), object.Number("calls"), object.Signed("own_ns"),
                    object.Signed("cumulative_ns"), std::move(name), object.Flag("folded")});
  };
  const Status status = ForEachAnswer(link, request, json, &progress, add, &end_line);
  if (Interrupted()) return kExitInterrupted;
  if (!status) return Fail(status);
  const auto end = AnswerObject::Parse(end_line);
  if (!end) return Fail(end.status());
  if (json) {
    Output::Get().Write(end->AsTotals("totals") + "\n");
    Output::Get().Flush();
    return kExitOk;
  }
  if (rows.empty()) {
    Say("run " + run->id + " has no recorded calls here; see smiley-show " + run->id + TargetWords());
    return kExitNo;
  }
  std::string out = FormatTree(rows, by == "count", screen);
  if (end->Number("left_out") > 0) {
    out += Paint(screen.color, sgr::kDim,
                 Plural(end->Number("left_out"), "small branch is", "small branches are") +
                     " hidden; --least 0 shows all") +
           "\n";
  }
  Output::Get().Write(out);
  Output::Get().Flush();
  Say("total time " + TimesText(*end));
  return kExitOk;
}

}  // namespace smiley::tools
