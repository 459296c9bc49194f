// Thread rule: created and destroyed by one thread; works in a thread of its own.
//
// Keeps the store under its quota: deletes the oldest runs that have ended and are not pinned, until the store fits.
// Other runs are never deleted: if they alone exceed the quota, it stays exceeded.
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
    std::uint64_t quota_bytes = 0;                      // size that the store's files may have; REQUIRES more than 0
    std::chrono::milliseconds look_every{2000};         // zero = only when Look() is called
    std::function<bool(const std::string& run)> holds;  // true: the run must not be deleted yet; may be empty
    std::function<void(const std::string&)>
        log;  // takes a line for each deleted run; called from the caretaker's thread
  };
  // The references outlive the caretaker.
  Caretaker(Store& store, Archive& archive, RunRegistry& runs, Options options);
  ~Caretaker();
  // Measures the store once and deletes runs if it must, in the caller's thread. The number of deleted runs.
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
