// smiley-calls: the call tree of a run, folded.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tools/commands/arguments.h"
#include "tools/commands/calls_view.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"
#include "tools/link/connect.h"
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

// The lines that join a row to its callers: a bar where more callees of a caller follow.
std::string Joints(const std::vector<Row>& rows, std::size_t at, std::vector<bool>* more, bool unicode) {
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

std::string Print(const std::vector<Row>& rows, bool by_count, const Look& look) {
  std::int64_t whole_ns = 0;
  for (const Row& row : rows) {
    if (row.depth > 0) continue;
    whole_ns += row.cumulative;
  }
  std::string out = Paint(look.color, sgr::kDim,
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
    line += Joints(rows, i, &more, look.unicode) + row.name;
    if (row.folded) line += look.unicode ? " …" : " ...";
    out += (look.width == 0 ? line : Cut(line, look.width, look.unicode)) + "\n";
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
      "Shows who called whom as a tree: calls of one function from the same chain of callers are one line.",
      "  smiley-calls last                      by time\n"
      "  smiley-calls last --by count --depth 4 by number of calls, four calls deep\n"
      "  smiley-calls last --thread 2 --json    of one thread, for scripts");
  arguments.Word("RUN", &selector, "id or its beginning, last, last~1, last:failed (default: last)", false)
      .OneOf("--by", &by, {"time", "count"},
             "what comes first: what took most time, or what was called most (default: time)")
      .Number("--depth", &depth, "fold what lies deeper into its caller")
      .Number("--thread", &thread, "only this thread (smiley-threads lists them)")
      .Text("--task", &task, "only while this task runs: its number, PROCESS:NUMBER or its name", "TASK")
      .Number("--least", &least,
              "leave out what is less than this many thousandths of the whole (default: 5; with --json 0)")
      .Flag("--json", &json, "JSON Lines: callers before their callees, and an object with the totals")
      .Color(&color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if ((depth && *depth == 0) || (least && *least > 1000)) {
    Say(least && *least > 1000 ? "--least takes thousandths: 0 to 1000" : "--depth begins with 1");
    return kExitUsage;
  }
  const Result<OpenedRun> opened = OpenRun(selector);
  if (!opened) return Fail(opened.status());
  Link* link = opened->link.get();
  const RunView* run = &opened->run;
  const Result<std::string> task_fields = TaskFields(link, run->id, task);
  if (!task_fields) return Fail(task_fields.status());
  const Look look = LookOf(color);
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
    Say("no calls of run " + run->id + " were recorded there (smiley-show " + run->id + TargetWords() +
        " tells what was)");
    return kExitNo;
  }
  std::string out = Print(rows, by == "count", look);
  if (end->Number("left_out") > 0) {
    out += Paint(look.color, sgr::kDim,
                 Plural(end->Number("left_out"), "branch is", "branches are") +
                     " left out as too small: --least 0 shows all") +
           "\n";
  }
  Output::Get().Write(out);
  Output::Get().Flush();
  Say("times are " + TimesText(*end));
  return kExitOk;
}

}  // namespace smiley::tools
