// Thread rule: Push belongs to the drainer's thread; Flush and the counters may be used from any thread.
//
// The storing thread. It takes batches from a queue with a bounded number of bytes in flight, and compresses and
// commits them in order. While the store refuses writes (disk full, store broken), the thread counts the events of
// each piece as lost, exactly. It keeps everything else until the store works again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "daemon/live/live_archive.h"
#include "daemon/store/store.h"
#include "shm/base/mutex.h"

namespace smiley::daemon {

class Pipeline {
 public:
  struct Options {
    std::size_t budget_bytes =
        48u << 20;                   // in flight; beyond it HasRoom is false, and the drainer leaves the rings alone
    std::function<void()> progress;  // called from the storing thread when handled() or stored() has moved
  };
  Pipeline(Store& store, LiveArchive& archive, Options options);
  ~Pipeline();  // stores every pushed batch

  // Adds a batch to the queue. Its number: 1 for the first, then one more each time.
  std::uint64_t Push(Batch batch);
  bool HasRoom() const { return in_flight_.load(std::memory_order_relaxed) < options_.budget_bytes; }
  std::size_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  std::size_t budget() const { return options_.budget_bytes; }
  // Batches up to this number are in the store's log or counted as lost: their ring words may be freed.
  std::uint64_t handled() const { return handled_.load(std::memory_order_acquire); }
  // Batches up to this number are in the store, losses included: their segments may be removed.
  std::uint64_t stored() const { return stored_.load(std::memory_order_acquire); }
  // Waits until every pushed batch is handled, and tries to store the kept records.
  void Flush();

 private:
  struct Job {
    std::uint64_t number = 0;
    std::size_t bytes = 0;
    Batch batch;
  };
  struct Queue;
  struct Loss {
    Piece piece;  // of the first lost event: state and clock
    std::uint64_t first = 0, count = 0, first_units = 0, last_units = 0;
  };
  void Run();
  // Waits until there is a job or a request, at the latest until `until`. The requests.
  struct Asked {
    bool flushing = false, stopping = false;
  };
  Asked Wait(std::optional<std::chrono::steady_clock::time_point> until);
  void Handle(Batch batch, std::uint64_t number);
  bool StoreKept();
  void Keep(Batch batch, const Status& why);

  Store& store_;
  LiveArchive& archive_;
  const Options options_;
  std::unique_ptr<Queue> queue_;
  std::atomic<std::size_t> in_flight_{0};
  std::atomic<std::uint64_t> pushed_{0}, handled_{0}, stored_{0};
  // Records and losses that wait until the store works again. They belong to the storing thread.
  bool keeping_ = false;
  Batch kept_;
  std::map<std::string, std::uint64_t> kept_cursors_;
  std::map<std::pair<std::string, std::uint32_t>, Loss> losses_;
  std::chrono::steady_clock::time_point retry_at_{};

  shm::Mutex mutex_;
  shm::Condition wake_, flushed_;
  bool stopping_ SMILEY_GUARDED_BY(mutex_) = false;
  bool flush_ SMILEY_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace smiley::daemon
