// smiley-delete: deletes runs by id, or by age and number.
#include <time.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "tools/commands/arguments.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"
#include "tools/terminal/text.h"
#include "tools/terminal/units.h"

namespace smiley::tools {

namespace {

struct Rules {
  std::optional<std::uint64_t> keep_last;
  std::optional<std::int64_t> older_ns;  // time since the end of a run, at least
};

// Finds all named runs before the first is deleted, so that "last last~1" means the two newest, and a wrong word
// deletes nothing.
Result<std::vector<RunView>> FindNamed(Link* link, const std::vector<std::string>& selectors) {
  std::vector<RunView> runs;
  for (const std::string& selector : selectors) {
    Result<RunView> run = AskRun(link, selector);
    if (!run) return run.status();
    if (run->running()) {
      return Status(Code::kBusy,
                    "run " + run->id + " is still running; nothing was deleted (try again when it has ended)");
    }
    if (run->pinned) {
      return Status(Code::kBusy, "run " + run->id + " is pinned; nothing was deleted (smiley-pin --unpin " + run->id +
                                     " removes the pin)");
    }
    const bool twice =
        std::any_of(runs.begin(), runs.end(), [&](const RunView& other) { return other.id == run->id; });
    if (!twice) runs.push_back(std::move(*run));
  }
  return runs;
}

// Finds the runs that the rules select, oldest last. Pinned and running runs do not count for --keep-last.
Result<std::vector<RunView>> FindByRules(Link* link, const Rules& rules) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t now_ns = now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  std::vector<RunView> runs;
  std::uint64_t newer = 0;
  Status broken;
  const Status status = ForEachLine(link, "{\"op\":\"runs\"}", [&](const std::string& line) {
    Result<RunView> run = ParseRun(line);
    if (!run) broken = run.status();
    if (!run) return false;
    if (run->running() || run->pinned) return true;
    const bool among_last = rules.keep_last && newer < *rules.keep_last;
    ++newer;
    const std::int64_t ended_ns = run->end_ns != 0 ? run->end_ns : run->start_ns;
    const bool young = rules.older_ns && now_ns - ended_ns < *rules.older_ns;
    if (!among_last && !young) runs.push_back(std::move(*run));
    return true;
  });
  if (!status) return status;
  if (!broken) return broken;
  return runs;
}

}  // namespace

int DeleteMain(int argc, char** argv) {
  std::vector<std::string> selectors;
  std::string older;
  Rules rules;
  bool json = false, dry_run = false;
  Arguments arguments(
      "Deletes runs and everything recorded in them. A running or pinned run that you name is an error, and nothing "
      "is "
      "deleted. --keep-last and --older-than skip such runs; together they delete a run that both select.",
      "smiley-delete last   the newest run\n"
      "smiley-delete k3f9 q7   two runs, by the beginning of their ids\n"
      "smiley-delete --older-than 7d --keep-last 5   older than a week, but never the newest five\n"
      "smiley-delete --keep-last 20 --dry-run   only print what would be deleted");
  arguments.Words("RUN", &selectors, "a run id or its beginning, last, last~1 or last:failed", false)
      .Number("--keep-last", &rules.keep_last, "delete all runs but the newest N")
      .Text("--older-than", &older, "delete runs that ended longer ago than 45s, 30m, 12h, 7d or 2w", "AGE")
      .Flag("--dry-run", &dry_run, "delete nothing, print what would be deleted")
      .Flag("--json", &json, "print the deleted runs as JSON Lines")
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (!older.empty()) {
    rules.older_ns = ParseAge(older);
    if (!rules.older_ns) {
      Say("--older-than takes a number with s, m, h, d or w, as in 7d; not '" + Clean(older) + "'");
      return kExitUsage;
    }
  }
  const bool by_rule = rules.keep_last || rules.older_ns;
  if (by_rule == !selectors.empty()) {
    Say(by_rule ? "give either runs, or --keep-last or --older-than"
                : "which runs? Give their ids, --keep-last N or --older-than AGE (see smiley-delete --help)");
    return kExitUsage;
  }
  WatchSignals();
  auto link = OpenLink(NeedDaemon::kYes);
  if (!link) return Fail(link.status());
  const Result<std::vector<RunView>> runs =
      by_rule ? FindByRules(link->get(), rules) : FindNamed(link->get(), selectors);
  if (!runs) return Fail(runs.status());
  std::uint64_t bytes = 0, events = 0;
  for (const RunView& run : *runs) {
    if (Interrupted()) return kExitInterrupted;
    if (!dry_run) {
      const Result<std::string> answer = (*link)->Ask("{\"op\":\"delete\",\"runs\":[" + Quote(run.id) + "]}");
      if (!answer) return Fail(answer.status());
    }
    bytes += run.bytes;
    events += run.events;
    if (json) {
      Output::Get().Write("{\"type\":\"deleted\",\"id\":" + Quote(run.id) +
                          ",\"events\":" + std::to_string(run.events) + ",\"bytes\":" + std::to_string(run.bytes) +
                          (dry_run ? ",\"dry_run\":true" : "") + "}\n");
    } else if (dry_run) {
      Output::Get().Write(run.id + "  " + LocalDateTime(run.start_ns) + "  " + PadLeft(Bytes(run.bytes), 8) + "  " +
                          Clean(CommandLine(run.command)) + "\n");
    }
  }
  Output::Get().Flush();
  if (!json) {
    const std::string what = runs->size() == 1 ? "run " + runs->front().id : Number(runs->size()) + " runs";
    if (runs->empty()) {
      Say("there is nothing to delete");
    } else {
      Say((dry_run ? "would delete " : "deleted ") + what + ": " + Plural(events, "event", "events") + ", " +
          Bytes(bytes) + (dry_run ? "" : " freed"));
    }
  }
  return kExitOk;
}

}  // namespace smiley::tools
