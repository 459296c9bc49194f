// smiley-output: prints the program's output, and the events that wrote it.
#include <algorithm>
#include <string>

#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/link/answer.h"
#include "tools/link/ask.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

constexpr std::size_t kPlaceColumns = 34;

std::string AtText(const AnswerObject& object, const Screen& screen) {
  std::string at = PadRight(object.Text("position"), 9) + " ";
  if (object.Has("file")) {
    const std::string file = object.Text("file");
    at += Clean(BaseName(file)) + ":" + std::to_string(object.Number("line")) + " " + Clean(object.Text("function"));
  }
  return Paint(screen.color, sgr::kDim,
               PadRight(Cut(at, kPlaceColumns, screen.unicode), kPlaceColumns) + (screen.unicode ? " │ " : " | "));
}

}  // namespace

int OutputMain(int argc, char** argv) {
  std::string selector = "last";
  std::optional<std::uint64_t> thread;
  bool only_stdout = false, only_stderr = false, at = false, json = false;
  ColorChoice color = ColorChoice::kAuto;
  Arguments arguments("Prints the program's output in the order in which it was written.",
                      "smiley-output last   standard output and standard error\n"
                      "smiley-output last --stderr   standard error only\n"
                      "smiley-output last --at   each line with the event that wrote it\n"
                      "smiley-output last --at --json   the same, for scripts");
  arguments.Word("RUN", &selector, "a run id or its beginning, last, last~1 or last:failed (default: last)", false)
      .Flag("--stdout", &only_stdout, "only standard output")
      .Flag("--stderr", &only_stderr, "only standard error")
      .Number("--thread", &thread, "only the output of this thread (see smiley-threads)")
      .Flag("--at", &at, "line by line, each with the position and source line of the event that began it")
      .Flag("--json", &json, "print JSON Lines: one object a write; with --at one a line")
      .Color(&color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (only_stdout && only_stderr) only_stdout = only_stderr = false;
  const Result<OpenedRun> opened = OpenRun(selector);
  if (!opened) return Fail(opened.status());
  Link* link = opened->link.get();
  const RunView* run = &opened->run;
  const Screen screen = DetectScreen(color);
  std::string request = "{\"op\":\"output\",\"run\":" + Quote(run->id);
  if (only_stdout) request += ",\"stream\":\"stdout\"";
  if (only_stderr) request += ",\"stream\":\"stderr\"";
  if (thread) request += ",\"thread\":" + std::to_string(*thread);
  if (at) request += ",\"lines\":true";
  request += "}";
  std::uint64_t count = 0, cut = 0;
  const Status status = ForEachAnswer(link, request, json, nullptr, [&](const AnswerObject& object) {
    ++count;
    const std::string_view style = object.Text("stream") == "stderr" ? sgr::kRed : std::string_view();
    cut += object.Number("cut");
    if (at) {
      Output::Get().Write(AtText(object, screen) + Paint(screen.color, style, Clean(object.Text("text"))) + "\n");
    } else {
      Output::Get().Write(Paint(screen.color, style, object.Text("text")));
    }
  });
  Output::Get().Flush();
  if (Interrupted()) return kExitInterrupted;
  if (!status) return Fail(status);
  if (json) return kExitOk;
  if (cut > 0) Say(Plural(cut, "character", "characters") + " of long texts were not recorded");
  if (count == 0) Say("run " + run->id + " has no recorded output" + (run->running() ? " so far" : ""));
  return kExitOk;
}

}  // namespace smiley::tools
