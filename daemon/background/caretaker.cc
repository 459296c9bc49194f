#include "daemon/background/caretaker.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace smiley::daemon {

Caretaker::Caretaker(Store& store, Archive& archive, RunRegistry& runs, Options options)
    : store_(store), archive_(archive), runs_(runs), options_(std::move(options)) {
  if (options_.look_every.count() > 0) thread_ = std::thread([this] { Loop(); });
}

Caretaker::~Caretaker() {
  {
    const shm::MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Caretaker::Loop() {
  while (true) {
    Look();
    const auto until = std::chrono::steady_clock::now() + options_.look_every;
    const shm::MutexLock lock(mutex_);
    while (!stopping_ && wake_.WaitUntil(mutex_, until)) {
    }
    if (stopping_) return;
  }
}

std::size_t Caretaker::Look() {
  std::size_t removed = 0;
  for (;;) {
    if (store_.DiskBytes() <= options_.quota_bytes) return removed;
    // Until Tidy, the size includes the log and the space of runs that are already deleted.
    if (!store_.Tidy().ok()) return removed;
    const std::uint64_t bytes = store_.DiskBytes();
    if (bytes <= options_.quota_bytes) return removed;
    std::vector<RunInfo> runs = archive_.Runs();  // newest first
    std::erase_if(runs, [](const RunInfo& run) { return run.state != RunState::kEnded || run.pinned; });
    if (options_.holds) std::erase_if(runs, [this](const RunInfo& run) { return options_.holds(run.id); });
    std::uint64_t freed = 0;
    bool any = false;
    while (!runs.empty() && bytes - std::min(bytes, freed) > options_.quota_bytes) {
      const RunInfo run = std::move(runs.back());
      runs.pop_back();
      {
        const shm::MutexLock lock(mutex_);
        if (stopping_) return removed;
      }
      if (!runs_.Delete(run.id).ok()) continue;  // the run goes on again, or a client has deleted it
      any = true;
      ++removed;
      freed += run.bytes;
      if (options_.log) {
        options_.log("removed run " + run.id + " (" + std::to_string(run.bytes) +
                     " bytes): the store is over its quota of " + std::to_string(options_.quota_bytes) + " bytes");
      }
    }
    if (!any) return removed;
  }
}

}  // namespace smiley::daemon
