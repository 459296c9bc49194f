// smiley-store: checks the store and rebuilds its derived data.
#include "tools/commands/store.h"

#include <string>

#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"
#include "tools/link/event_view.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

int Reindex(Link* link, const std::string& request, bool json) {
  std::uint64_t runs = 0;
  Progress progress;
  progress.Show("reading chunks");
  const Status status = ForEachLine(link, request, [&](const std::string& line) {
    ++runs;
    progress.Show("reindexed " + Plural(runs, "run", "runs"));
    if (json) {
      progress.Clear();
      Output::Get().Write(line + "\n");
    }
    return !Interrupted();
  });
  progress.Clear();
  Output::Get().Flush();
  if (Interrupted()) return kExitInterrupted;
  if (!status) return Fail(status);
  if (!json) Say("reindexed " + Plural(runs, "run", "runs"));
  return kExitOk;
}

}  // namespace

int StoreMain(int argc, char** argv) {
  std::string action, selector;
  bool json = false;
  Arguments arguments(
      "Checks or repairs the store. check verifies that every event is stored once or counted as lost, and that "
      "every "
      "chunk can be read. reindex rebuilds the data that finds events fast. repair builds a sound store from a "
      "damaged "
      "one and counts unreadable events as lost; it keeps the damaged store and needs the daemon to be stopped.",
      "smiley-store check   the whole store\n"
      "smiley-store check last   one run\n"
      "smiley-store reindex last   rebuild the snapshots of one run\n"
      "smiley-store repair   after damage");
  arguments.OneOf("ACTION", &action, {"check", "reindex", "repair"}, "what to do")
      .Word("RUN", &selector, "only this run", false)
      .Flag("--json", &json, "print the findings as JSON Lines")
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (action.empty()) {
    Say("give an action: smiley-store check [RUN], reindex [RUN] or repair");
    return kExitUsage;
  }
  WatchSignals();
  if (action == "repair") {
    if (selector.empty()) return RepairStore(json);
    Say("repair takes no run, it repairs the whole store: smiley-store repair");
    return kExitUsage;
  }
  const bool reindex = action == "reindex";
  auto link = OpenLink(reindex ? NeedDaemon::kYes : NeedDaemon::kNo);
  if (!link) return Fail(link.status());
  std::string request = "{\"op\":" + Quote(action), what = "the store";
  if (!selector.empty()) {
    const Result<RunView> run = AskRun(link->get(), selector);
    if (!run) return Fail(run.status());
    request += ",\"run\":" + Quote(run->id);
    what = "run " + run->id;
  }
  if (reindex) return Reindex(link->get(), request + "}", json);
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
  if (findings != 0 && !json)
    Say(Plural(findings, "finding", "findings") + " in " + what + "; smiley-store repair keeps the readable events");
  return findings == 0 ? kExitOk : kExitNo;
}

}  // namespace smiley::tools
