// Thread rule: belongs to the drainer's thread.
//
// The segments of this home and the processes that made them: finds and opens the segments, follows each process to
// its death, and removes its segments when everything in them is stored.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/drain/agenda.h"
#include "daemon/drain/catalogue_drain.h"
#include "daemon/drain/outbox.h"
#include "daemon/drain/progress.h"
#include "daemon/drain/ring_drain.h"
#include "daemon/drain/run_book.h"
#include "daemon/drain/segment_watcher.h"
#include "daemon/drain/wake_set.h"
#include "daemon/live/live_archive.h"
#include "daemon/store/store.h"
#include "shm/base/home.h"

namespace smiley::daemon {

class SegmentSet {
 public:
  using Processes = std::map<std::uint64_t, std::unique_ptr<ProcessProgress>>;  // by token
  using Log = std::function<void(const std::string&)>;
  // What a segment set works with. All outlive it.
  struct Parts {
    const shm::Home& home;
    Store& store;
    LiveArchive& archive;
    SegmentWatcher& watcher;
    WakeSet& wakes;
    Agenda& agenda;
    Outbox& outbox;
    RunBook& runs;
    CatalogueDrain& catalogues;
    RingDrain& rings;
  };
  SegmentSet(const Parts& parts, Log log) : parts_(parts), log_(std::move(log)) {}
  ~SegmentSet();

  // Opens the segments that have appeared, and numbers their processes in the order in which they started. Lists the
  // directories if they have changed, or if `force` says so.
  void Look(bool force);
  // Marks the processes that have died since the last call.
  void CheckDeaths();
  // Marks the dead processes whose segments the Look that follows cannot miss.
  void MarkLastLooks();
  // Drains the dead process to its last word, and pushes the batch with its end. False: something is left, call
  // again.
  bool Finish(ProcessProgress* process);
  // Removes rings that their living owner has closed (it made a larger one, or could not write a loss) and that are
  // stored. `stored`: the latest stored batch.
  void RemoveClosedRings(ProcessProgress* process, std::uint64_t stored);
  // Gives ring blocks back to their producers, and removes the segments of finished processes. `handled`: the latest
  // batch that the pipeline has dealt with; `stored`: the latest stored one.
  void GiveBack(std::uint64_t handled, std::uint64_t stored);

  // True: the next Look has to list the directories, although nothing has changed in them.
  bool HasUnnumbered() const;
  // No process is known, and no segment is being made.
  bool idle() const { return processes_.empty() && unfinished_.empty(); }
  const Processes& processes() const { return processes_; }
  // The map itself must not be changed.
  Processes& processes() { return processes_; }

 private:
  void Attach(const shm::Segment::Found& found);
  void AttachCatalogue(ProcessProgress* process, const shm::Segment::Found& found,
                       std::shared_ptr<shm::Segment> segment);
  void AttachRing(ProcessProgress* process, const shm::Segment::Found& found, std::shared_ptr<shm::Segment> segment);
  void Refuse(const shm::Segment::Found& found, const std::string& why);
  ProcessProgress* ProcessOf(const shm::Segment& segment);
  void Watch(ProcessProgress* process);
  bool ReadRecord(ProcessProgress* process);
  void NoteUnrecorded(ProcessProgress* process);
  void ForgetEndedThreads(ProcessProgress* process, std::uint64_t stored);
  void RemoveProcess(ProcessProgress* process);
  void RemoveSegment(const shm::Segment::Found& found);

  const Parts parts_;
  const Log log_;
  Processes processes_;
  std::vector<shm::Segment::Found> unfinished_;  // their owners were still making them at the last Look
  std::set<std::string> refused_;                // segments that the log has named once
};

}  // namespace smiley::daemon
