// Thread rule: belongs to the drainer's thread.
//
// Takes records out of a process's catalogue segments, in order: names, sources, threads, tasks and notes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/drain/agenda.h"
#include "daemon/drain/outbox.h"
#include "daemon/drain/progress.h"
#include "daemon/drain/run_book.h"
#include "daemon/live/live_archive.h"

namespace smiley::daemon {

class CatalogueDrain {
 public:
  // All outlive it.
  CatalogueDrain(LiveArchive& archive, RunBook& runs, Outbox& outbox, Agenda& agenda)
      : archive_(archive), runs_(runs), outbox_(outbox), agenda_(agenda) {}

  // Takes every record that is published now. A process that has no number yet is left alone.
  void Drain(ProcessProgress* process);
  // The thread of that local number. A new one gets its number in the run here.
  ThreadProgress* ThreadOf(ProcessProgress* process, std::uint32_t local);
  // The thread has ended: no more words of it will come.
  void EndThread(ProcessProgress* process, ThreadProgress* thread);

 private:
  void TakeRecord(ProcessProgress* process, const shm::CatalogueReader::Record& record);
  void TakeSource(ProcessProgress* process, std::uint32_t id, std::string_view payload);
  void TakeThread(ProcessProgress* process, std::uint32_t id, std::string_view payload);
  std::string TakeTask(ProcessProgress* process, std::uint32_t id, std::string_view payload);
  void TakeNote(ProcessProgress* process, std::string_view payload);

  LiveArchive& archive_;
  RunBook& runs_;
  Outbox& outbox_;
  Agenda& agenda_;
};

}  // namespace smiley::daemon
