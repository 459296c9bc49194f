// Thread rule: belongs to the drainer's thread.
//
// Callers of RunRegistry::WhenDrained, each until its run is drained or its time is up.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "daemon/drain/agenda.h"
#include "daemon/drain/run_book.h"
#include "daemon/live/live_archive.h"
#include "daemon/run/registry.h"
#include "daemon/store/store.h"

namespace smiley::daemon {

class Waiters {
 public:
  // All outlive it.
  Waiters(Store& store, LiveArchive& archive, const RunBook& runs, Agenda& agenda)
      : store_(store), archive_(archive), runs_(runs), agenda_(agenda) {}

  void Add(const std::string& run, std::chrono::milliseconds timeout, std::function<void(Drained)> done);
  // Answers the callers whose run is drained, or whose time is up.
  void Check();
  // Every caller is answered at the next Check.
  void Expire();
  bool empty() const { return waiters_.empty(); }

 private:
  struct Waiter {
    std::string run;
    SteadyTime deadline;
    std::uint64_t looks = 0;  // Agenda::looks when it came: a later look has to find no process of the run
    std::function<void(Drained)> done;
  };
  bool IsDrained(const Waiter& waiter, const RunProgress& run);

  Store& store_;
  LiveArchive& archive_;
  const RunBook& runs_;
  Agenda& agenda_;
  std::vector<Waiter> waiters_;
};

}  // namespace smiley::daemon
