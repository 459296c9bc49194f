// smiley-store: looks after the store.
#include <string>

#include "tools/arguments.h"
#include "tools/event_view.h"
#include "tools/look.h"
#include "tools/text.h"
#include "tools/verbs.h"

namespace smiley::tools {

int StoreMain(int argc, char** argv) {
  std::string action, selector;
  bool json = false;
  Arguments arguments("Checks the store: every sequence number once, produced = stored + lost, every chunk and id readable.",
                      "  smiley-store check         everything\n"
                      "  smiley-store check last    one run");
  arguments.OneOf("ACTION", &action, {"check"}, "what to do")
      .Word("RUN", &selector, "only this run", false)
      .Flag("--json", &json, "findings as JSON Lines")
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (action.empty()) {
    Say("say what to do with the store: smiley-store check [RUN]");
    return kExitUsage;
  }
  WatchSignals();
  auto link = OpenLink(NeedDaemon::kNo);
  if (!link) return Fail(link.status());
  std::string request = "{\"op\":\"check\"", what = "the store";
  if (!selector.empty()) {
    const Result<RunView> run = AskRun(link->get(), selector);
    if (!run) return Fail(run.status());
    request += ",\"run\":" + Quote(run->id);
    what = "run " + run->id;
  }
  std::uint64_t findings = 0;
  EventParser parser;
  StreamObject object;
  Progress progress;
  progress.Show("checking " + what);
  const Status status = ForEachLine(link->get(), request + "}", [&](const std::string& line) {
    ++findings;
    progress.Clear();
    if (json || !parser.Parse(line, &object)) {
      Output::Get().Write(line + "\n");
    } else {
      Output::Get().Write(Clean(object.event.text) + "\n");
    }
    return true;
  });
  progress.Clear();
  Output::Get().Flush();
  if (!status) return Fail(status);
  if (findings == 0 && !json) Say(what + " is sound");
  if (findings != 0 && !json) Say(Plural(findings, "finding", "findings") + " in " + what);
  return findings == 0 ? kExitOk : kExitNo;
}

}  // namespace smiley::tools
