// Thread rule: made and destroyed by one thread, works in one of its own.
//
// Keeps the store under its quota: removes the oldest runs that have ended and are not pinned, until the store fits.
// Nothing else ends up being deleted: a quota that runs going on and pinned runs exceed stays exceeded.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "daemon/run/archive.h"
#include "daemon/run/registry.h"
#include "daemon/store/store.h"
#include "shm/base/mutex.h"

namespace smiley::daemon {

class Caretaker {
 public:
  struct Options {
    std::uint64_t quota_bytes = 0;                      // what the store's files may take; REQUIRES more than 0
    std::chrono::milliseconds look_every{2000};         // zero = only when Look() is called
    std::function<bool(const std::string& run)> holds;  // true: it may not go yet; may be empty
    std::function<void(const std::string&)> log;        // one line for each run removed; called from its thread
  };
  // All outlive it.
  Caretaker(Store& store, Archive& archive, RunRegistry& runs, Options options);
  ~Caretaker();
  // Looks once and does what is needed, in the caller's thread; how many runs were removed.
  std::size_t Look();

 private:
  void Loop();

  Store& store_;
  Archive& archive_;
  RunRegistry& runs_;
  const Options options_;
  shm::Mutex mutex_;
  shm::Condition wake_;
  bool stopping_ SMILEY_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace smiley::daemon
