// smiley-pin: protects runs from automatic deletion.
#include <string>
#include <vector>

#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

int PinMain(int argc, char** argv) {
  std::vector<std::string> selectors;
  bool unpin = false, json = false;
  Arguments arguments(
      "Pins runs. A pinned run is never deleted automatically, and smiley-delete deletes it only after --unpin.",
      "smiley-pin last   keep the newest run\n"
      "smiley-pin --unpin k3f9   remove a pin");
  arguments.Words("RUN", &selectors, "a run id or its beginning, last, last~1 or last:failed", true)
      .Flag("--unpin", &unpin, "remove the pin")
      .Flag("--json", &json, "print the runs as JSON Lines")
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  WatchSignals();
  auto link = OpenLink(NeedDaemon::kYes);
  if (!link) return Fail(link.status());
  std::vector<RunView> runs;
  for (const std::string& selector : selectors) {
    Result<RunView> run = AskRun(link->get(), selector);
    if (!run) return Fail(run.status());
    runs.push_back(std::move(*run));
  }
  for (const RunView& run : runs) {
    const Result<std::string> answer =
        (*link)->Ask("{\"op\":\"pin\",\"run\":" + Quote(run.id) + ",\"pinned\":" + (unpin ? "false" : "true") + "}");
    if (!answer) return Fail(answer.status());
    if (json)
      Output::Get().Write("{\"type\":\"pin\",\"id\":" + Quote(run.id) + ",\"pinned\":" + (unpin ? "false" : "true") +
                          "}\n");
  }
  Output::Get().Flush();
  if (!json) {
    const std::string what = runs.size() == 1 ? "run " + runs.front().id : Number(runs.size()) + " runs";
    Say(unpin ? what + (runs.size() == 1 ? " is no longer pinned" : " are no longer pinned")
              : "pinned " + what + "; smiley-pin --unpin removes the pin");
  }
  return kExitOk;
}

}  // namespace smiley::tools
