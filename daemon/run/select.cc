// Finds the run that a person named: an id, a prefix, last, last~N, last:failed.
#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "daemon/run/archive.h"

namespace smiley::daemon {
namespace {

bool Failed(const RunInfo& run) {
  return run.state == RunState::kEnded && (run.exit_code.value_or(0) != 0 || run.signal.has_value());
}

// Reads "last", "last~2", "last:failed", "last:failed~1": how many runs to go back. False: the text has another form.
bool ParseLast(std::string_view selector, bool* failed, std::size_t* back) {
  *failed = false;
  *back = 0;
  if (selector.substr(0, 4) != "last") return false;
  selector.remove_prefix(4);
  if (selector.substr(0, 7) == ":failed") {
    *failed = true;
    selector.remove_prefix(7);
  }
  if (selector.empty()) return true;
  if (selector.front() != '~') return false;
  selector.remove_prefix(1);
  if (selector.empty()) {
    *back = 1;
    return true;
  }
  const auto [end, error] = std::from_chars(selector.data(), selector.data() + selector.size(), *back);
  return error == std::errc() && end == selector.data() + selector.size();
}

std::string Shown(const std::string& selector) {
  std::string text = selector.substr(0, 40);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return "'" + text + (selector.size() > 40 ? "…'" : "'");
}

}  // namespace

Result<RunInfo> SelectRun(Archive& archive, const std::string& selector) {
  if (selector.empty())
    return Status(Code::kInvalid, "which run? (an id, its beginning, last, last~1 or last:failed)");
  std::vector<RunInfo> runs = archive.Runs();
  std::erase_if(runs, [](const RunInfo& run) { return run.state == RunState::kImporting; });
  bool failed = false;
  std::size_t back = 0;
  const bool last = ParseLast(selector, &failed, &back);
  // A run whose id begins with "last" is still found by its whole id.
  for (auto& run : runs) {
    if (run.id == selector) return std::move(run);
  }
  if (last) {
    std::size_t seen = 0;
    for (auto& run : runs) {
      if (failed && !Failed(run)) continue;
      if (seen++ == back) return std::move(run);
    }
    if (seen == 0) {
      return Status(Code::kNotFound,
                    failed ? "no run has failed" : "there is no run yet (smiley-run PROGRAM makes one)");
    }
    return Status(Code::kNotFound, "there are only " + std::to_string(seen) + (failed ? " failed runs" : " runs") +
                                       ", " + Shown(selector) + " goes further back");
  }
  std::vector<RunInfo*> found;
  for (auto& run : runs) {
    if (run.id.compare(0, selector.size(), selector) == 0) found.push_back(&run);
  }
  if (found.size() == 1) return std::move(*found.front());
  if (found.empty()) {
    return Status(Code::kNotFound, "no run begins with " + Shown(selector) + ": smiley-list shows them");
  }
  std::string message = Shown(selector) + " fits " + std::to_string(found.size()) + " runs:";
  for (std::size_t i = 0; i < found.size() && i < 5; ++i) message += (i == 0 ? " " : ", ") + found[i]->id;
  if (found.size() > 5) message += ", …";
  return Status(Code::kInvalid, message);
}

}  // namespace smiley::daemon
