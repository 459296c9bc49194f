// smiley-delete: removes runs from the store.
#include <algorithm>
#include <string>
#include <vector>

#include "tools/arguments.h"
#include "tools/look.h"
#include "tools/text.h"
#include "tools/verbs.h"

namespace smiley::tools {

int DeleteMain(int argc, char** argv) {
  std::vector<std::string> selectors;
  bool json = false;
  Arguments arguments("Removes runs and what they recorded. Runs that are still going on are refused.",
                      "  smiley-delete last         the newest run\n"
                      "  smiley-delete k3f9 q7      several, by the beginning of their ids");
  arguments.Words("RUN", &selectors, "id or its beginning, last, last~1, last:failed", true)
      .Flag("--json", &json, "print the removed runs as JSON Lines");
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  WatchSignals();
  auto link = OpenLink(NeedDaemon::kYes);
  if (!link) return Fail(link.status());

  // All are looked up before the first is removed: "last last~1" means the two newest, and a wrong word removes nothing.
  std::vector<RunView> runs;
  for (const std::string& selector : selectors) {
    Result<RunView> run = AskRun(link->get(), selector);
    if (!run) return Fail(run.status());
    if (run->running()) {
      Say("run " + run->id + " is still going on and stays; nothing was deleted (try again when it has ended)");
      return kExitNo;
    }
    const bool twice = std::any_of(runs.begin(), runs.end(), [&](const RunView& other) { return other.id == run->id; });
    if (!twice) runs.push_back(std::move(*run));
  }
  std::uint64_t bytes = 0, events = 0;
  for (const RunView& run : runs) {
    const Result<std::string> answer = (*link)->Ask("{\"op\":\"delete\",\"runs\":[" + Quote(run.id) + "]}");
    if (!answer) return Fail(answer.status());
    bytes += run.bytes;
    events += run.events;
    if (json) {
      Output::Get().Write("{\"type\":\"deleted\",\"id\":" + Quote(run.id) + ",\"events\":" + std::to_string(run.events) +
                          ",\"bytes\":" + std::to_string(run.bytes) + "}\n");
    }
  }
  Output::Get().Flush();
  if (!json) {
    const std::string what = runs.size() == 1 ? "run " + runs.front().id : Number(runs.size()) + " runs";
    Say("deleted " + what + ": " + Plural(events, "event", "events") + ", " + Bytes(bytes) + " freed");
  }
  return kExitOk;
}

}  // namespace smiley::tools
