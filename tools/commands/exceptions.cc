// smiley-exceptions: prints the exceptions of a run, where they were raised, and their outcome.
#include <string>

#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/link/answer.h"
#include "tools/link/ask.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/table.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

std::string PlaceText(const AnswerObject& place) {
  if (!place.Has("function")) return {};
  std::string text = Clean(place.Text("function"));
  if (!place.Has("file")) return text;
  const std::string file = place.Text("file");
  return Clean(BaseName(file)) + ":" + std::to_string(place.Number("line")) + " " + text;
}

void AddRow(const AnswerObject& object, const Screen& screen, Table* table) {
  const std::string outcome = object.Text("outcome");
  std::string ended = PlaceText(object.Object("ended"));
  std::string_view style = sgr::kGreen;
  if (outcome == "uncaught") {
    ended = "not caught";
    style = sgr::kBoldRed;
  } else if (outcome == "unfinished") {
    ended = "not seen to be caught";
    style = sgr::kYellow;
  } else if (outcome == "absorbed") {
    ended = "swallowed outside recorded code" + (ended.empty() ? "" : ", below " + ended);
    style = sgr::kDim;
  } else {
    ended = "caught by " + ended;
  }
  std::string raised = PlaceText(object.Object("raised"));
  if (object.Flag("from_outside")) raised = (screen.unicode ? "→ " : "-> ") + raised;
  const std::string first = object.Text("first"), last = object.Text("last");
  std::string what = Clean(object.Text("exception"));
  const std::string message = Clean(object.Text("message"));
  if (!message.empty()) what += ": " + Cut(message, 40, screen.unicode);
  table->AddRow({{Number(object.Number("count")), sgr::kBold},
                 {what, outcome == "uncaught" ? sgr::kBoldRed : sgr::kRed},
                 {raised},
                 {ended, style},
                 {first == last ? first : first + (screen.unicode ? "…" : "..") + last, sgr::kDim}});
}

}  // namespace

int ExceptionsMain(int argc, char** argv) {
  std::string selector = "last";
  std::optional<std::uint64_t> thread;
  bool json = false;
  ColorChoice color = ColorChoice::kAuto;
  Arguments arguments(
      "Shows the exceptions of a run, swallowed ones too, grouped by type, by where they were raised and by outcome, "
      "with the positions of the first and the last. An arrow marks exceptions from code that is not recorded.",
      "smiley-exceptions last\n"
      "smiley-exceptions last --json | jq 'select(.outcome == \"caught\")'");
  arguments.Word("RUN", &selector, "a run id or its beginning, last, last~1 or last:failed (default: last)", false)
      .Number("--thread", &thread, "only this thread (see smiley-threads)")
      .Flag("--json", &json, "print JSON Lines, one object a group")
      .Color(&color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  const Result<OpenedRun> opened = OpenRun(selector);
  if (!opened) return Fail(opened.status());
  Link* link = opened->link.get();
  const RunView* run = &opened->run;
  const Screen screen = DetectScreen(color);
  Table table(screen.color, screen.unicode, screen.width);
  table.AddColumn("COUNT", Table::Align::kRight);
  for (const char* heading : {"EXCEPTION", "RAISED", "OUTCOME", "FIRST, LAST"}) table.AddColumn(heading);
  std::string request = "{\"op\":\"exceptions\",\"run\":" + Quote(run->id);
  if (thread) request += ",\"thread\":" + std::to_string(*thread);
  request += "}";
  Progress progress;
  progress.Show("reading the exceptions of run " + run->id);
  std::string end_line;
  const auto add = [&](const AnswerObject& object) { AddRow(object, screen, &table); };
  const Status status = ForEachAnswer(link, request, json, &progress, add, &end_line);
  if (Interrupted()) return kExitInterrupted;
  if (!status) return Fail(status);
  if (!json && !table.empty()) Output::Get().Write(table.Format());
  Output::Get().Flush();
  if (json) return kExitOk;
  if (table.empty()) Say("no exception was raised in run " + run->id);
  const auto end = AnswerObject::Parse(end_line);
  if (end && end->Number("lost") > 0) {
    Say(Plural(end->Number("lost"), "event", "events") + " were lost; exceptions among them are not counted");
  }
  return kExitOk;
}

}  // namespace smiley::tools
