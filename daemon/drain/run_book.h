// Thread rule: belongs to the drainer's thread.
//
// The runs that this daemon follows, from the first request or segment of each to its stored end. Numbers the
// processes of a run, and continues the runs that an earlier daemon left open.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "daemon/drain/agenda.h"
#include "daemon/drain/outbox.h"
#include "daemon/drain/progress.h"
#include "daemon/drain/wake_set.h"
#include "daemon/live/live_archive.h"
#include "daemon/live/live_feed.h"
#include "daemon/run/registry.h"
#include "daemon/store/store.h"
#include "shm/base/home.h"

namespace smiley::daemon {

class RunBook {
 public:
  using Runs = std::map<std::string, std::unique_ptr<RunProgress>>;
  // All outlive it.
  RunBook(const shm::Home& home, Store& store, LiveArchive& archive, LiveFeed& feed, Outbox& outbox, WakeSet& wakes,
          Agenda& agenda);
  ~RunBook();

  // ---- requests
  // The archive shows the run already (LiveArchive::DrainBegin).
  void Begin(const BeginRun& begin);
  // Exactly one of exit_code and signal. Also for a run that has ended.
  void Finish(const std::string& run, std::optional<int> exit_code, std::optional<int> signal);
  // Nothing happens when the run has ended.
  void Dump(const std::string& run);

  // ---- progress
  // The run of that id. One that is new to this daemon is read from the store, or begins.
  RunProgress* Open(const std::string& id);
  const Runs& runs() const { return runs_; }
  Runs& runs() { return runs_; }
  // Adds a note for people to the run. Kind "incomplete" also marks the run as flawed.
  void AddNote(const std::string& run, const std::string& kind, const std::string& text);
  // Gives the process its number in the run. REQUIRES that the process has none, and that its record has been read or
  // never will be.
  void NumberProcess(ProcessProgress* process);
  // Takes number, threads and names from the store when an earlier daemon numbered the process.
  void ResumeProcess(ProcessProgress* process);
  // Ends the runs without processes whose launcher has reported the end, or cannot.
  void EndRuns();
  // Forgets the ended runs whose end is stored. `stored`: the latest stored batch.
  void RetireEnded(std::uint64_t stored);
  // Computes the events and bytes a second, once a second.
  void UpdateRates();

 private:
  void Restore(RunProgress* run);
  void RestoreStored(RunProgress* run);
  void End(RunProgress* run);
  void ReadNotes(const std::string& run);
  std::filesystem::path NotesPath(const std::string& run) const;

  const shm::Home& home_;
  Store& store_;
  LiveArchive& archive_;
  LiveFeed& feed_;
  Outbox& outbox_;
  WakeSet& wakes_;
  Agenda& agenda_;
  Runs runs_;
  SteadyTime rates_at_;
};

// Nanoseconds since the epoch, by the wall clock.
std::int64_t WallNow();

}  // namespace smiley::daemon
