// smiley-store repair: builds a sound store from a damaged one.

#include <nlohmann/json.hpp>
#include <string>

#include "daemon/settings.h"
#include "daemon/store/repair/repair.h"
#include "shm/base/home.h"
#include "tools/commands/store.h"
#include "tools/link/connect.h"
#include "tools/terminal/text.h"

namespace smiley::tools {

namespace {

constexpr std::size_t kMostFindings = 20;  // printed; --json prints all

std::string DescribeRepair(const daemon::RepairedRun& run) {
  std::string story = "run " + run.id + ": " + Plural(run.events, "event", "events") + " kept";
  if (run.newly_lost > 0) story += ", " + Number(run.newly_lost) + " lost";
  if (run.lost_names > 0) story += ", " + Plural(run.lost_names, "name", "names") + " lost";
  if (run.record == "copy") story += "; its record is an older copy";
  if (run.record == "made") story += "; its record is lost, the id is new";
  return story;
}

void Print(const daemon::RepairReport& report) {
  std::size_t shown = 0;
  for (const std::string& finding : report.findings) {
    if (++shown > kMostFindings) break;
    Output::Get().Write("found: " + Clean(finding) + "\n");
  }
  if (report.findings.size() > kMostFindings)
    Output::Get().Write("found: " + Number(report.findings.size() - kMostFindings) + " more like these\n");
  std::size_t whole = 0;
  for (const daemon::RepairedRun& run : report.runs) {
    if (run.touched())
      Output::Get().Write(DescribeRepair(run) + "\n");
    else
      ++whole;
  }
  Output::Get().Write(Plural(whole, "run is", "runs are") + " whole\n");
}

void PrintJson(const daemon::RepairReport& report, const std::string& store) {
  const auto line = [](const nlohmann::ordered_json& object) {
    Output::Get().Write(object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  };
  for (const std::string& finding : report.findings) line({{"type", "finding"}, {"text", finding}});
  std::uint64_t lost = 0;
  for (const daemon::RepairedRun& run : report.runs) {
    line({{"type", "repaired"},
          {"run", run.id},
          {"events", run.events},
          {"lost", run.lost},
          {"newly_lost", run.newly_lost},
          {"lost_names", run.lost_names},
          {"record", run.record}});
    lost += run.newly_lost;
  }
  nlohmann::ordered_json end = {{"type", "repair"}, {"sound", report.sound}, {"store", store}};
  end["damaged"] = report.sound ? nlohmann::ordered_json() : nlohmann::ordered_json(report.damaged.string());
  end["runs"] = report.runs.size();
  end["chunks"] = report.chunks;
  end["newly_lost"] = lost;
  line(end);
}

}  // namespace

int RepairStore(bool json) {
  if (!Target().empty()) {
    Say("a store is repaired on its own machine: run smiley-store repair there");
    return kExitUsage;
  }
  const auto home = shm::Home::Open();
  if (!home) return Fail(home.status());
  const auto lock = shm::TakeDaemonLock(*home);  // held until the end of this function
  if (!lock) {
    if (lock.status().code() != Code::kBusy) return Fail(lock.status());
    return Fail(
        Status(Code::kBusy, "the daemon is using the store; run smiley-daemon stop, then smiley-store repair"));
  }
  const auto settings = daemon::LoadSettings(*home);
  if (!settings) return Fail(settings.status());
  daemon::RepairOptions options;
  options.dir = daemon::StoreDir(*home, *settings);
  Progress progress;
  options.progress = [&progress](const std::string& what) {
    progress.Show(what);
    return !Interrupted();
  };
  const auto report = daemon::RepairStore(options);
  progress.Clear();
  if (Interrupted()) return kExitInterrupted;
  if (!report) return Fail(report.status());
  if (json) {
    PrintJson(*report, options.dir.string());
  } else if (!report->sound) {
    Print(*report);
  }
  Output::Get().Flush();
  if (json) return kExitOk;
  if (report->sound) {
    Say("the store is sound; nothing was changed");
  } else {
    Say("repaired " + options.dir.string() + "; the damaged store is kept as " + report->damaged.string() +
        ", remove it when nothing is missing");
  }
  return kExitOk;
}

}  // namespace smiley::tools
