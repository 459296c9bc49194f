#include "tools/commands/verbs.h"

#include <algorithm>
#include <numeric>

namespace smiley::tools {

const std::vector<Verb>& Verbs() {
  static const std::vector<Verb> verbs = {
      {"run", RunMain, "record a Python program"},
      {"tail", TailMain, "watch a run while it goes on (also: monitor)"},
      {"monitor", TailMain, ""},
      {"list", ListMain, "the runs that are stored"},
      {"show", ShowMain, "what is known of one run"},
      {"threads", ThreadsMain, "the threads of a run"},
      {"replay", ReplayMain, "a stored run, event by event"},
      {"stats", StatsMain, "calls counted and timed, function by function"},
      {"calls", CallsMain, "who called whom, as a tree"},
      {"exceptions", ExceptionsMain, "what was raised, where, and where it ended"},
      {"diff", DiffMain, "two runs compared: what is different, and where it begins"},
      {"output", OutputMain, "what the program wrote, and which event wrote it"},
      {"when", WhenMain, "the events at which an expression becomes true"},
      {"why", WhyMain, "where the value of a variable came from"},
      {"report", ReportMain, "a run as pages that open from disk"},
      {"web", WebMain, "runs in the browser (also: server)"},
      {"server", WebMain, ""},
      {"export", ExportMain, "a run as one file"},
      {"import", ImportMain, "such a file back into the store"},
      {"delete", DeleteMain, "remove runs"},
      {"pin", PinMain, "keep runs from being deleted"},
      {"daemon", DaemonMain, "start, stop or ask the daemon that stores runs"},
      {"store", StoreMain, "check the store, repair it"},
      {"doctor", DoctorMain, "check the installation"},
  };
  return verbs;
}

const Verb* FindVerb(std::string_view name) {
  for (const Verb& verb : Verbs()) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

namespace {

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view NearestVerb(std::string_view name) {
  std::string_view best;
  std::size_t best_distance = 3;  // more than two edits away is not a slip of the finger
  if (name.size() > 64) return best;
  for (const Verb& verb : Verbs()) {
    const bool begins = name.size() >= 2 && verb.name.substr(0, name.size()) == name;
    const std::size_t distance = begins ? 0 : EditDistance(name, verb.name);
    if (distance < best_distance && distance < std::max(name.size(), std::size_t{2})) {
      best = verb.name;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace smiley::tools
