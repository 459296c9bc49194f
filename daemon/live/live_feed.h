// Thread rule: Publish* belong to the drainer; everything else may be called from any thread. A Reader belongs to one
// thread at a time.
//
// The latest pieces and run changes for clients that watch: a shared, bounded deque whose entries have arrival
// numbers. Readers pull. A reader that is too slow loses the oldest entries and gets an exact report of the loss. The
// drainer never waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/run/archive.h"
#include "daemon/run/piece.h"
#include "shm/base/mutex.h"

namespace smiley::daemon {

// Events of one thread that a reader did not get: `events` of them, with numbers from `first_seq` to `last_seq`.
struct SkippedEvents {
  std::string run;
  std::uint32_t thread = 0;
  std::uint64_t first_seq = 0, last_seq = 0, events = 0;
};
// Adds to the entry of the same thread, or appends one.
void AddSkipped(std::vector<SkippedEvents>* all, const SkippedEvents& more);

class LiveFeed {
 public:
  struct Entry {
    enum class What { kPiece, kRunBegan, kRunEnded };
    std::uint64_t number = 0;  // arrival number: from 1, consecutive over all runs
    What what = What::kPiece;
    PiecePtr piece;                      // kPiece: a small part, consecutive in its thread
    std::shared_ptr<const RunInfo> run;  // kRunBegan, kRunEnded (then with counts and exit code as far as known)
    const std::string& run_id() const { return piece ? piece->run : run->id; }
  };
  struct Taken {
    std::vector<Entry> entries;
    std::vector<SkippedEvents> skipped;  // lost since the last Take; they came before `entries`
    bool more = false;                   // further entries are waiting
  };

  class Reader {
   public:
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    // Returns the next entries with about `max_bytes` of words, at least one entry when there is any. Never waits.
    // Arms the wake callback.
    Taken Take(std::size_t max_bytes);

   private:
    friend class LiveFeed;
    explicit Reader(LiveFeed* feed) : feed_(feed) {}
    LiveFeed* feed_;
    std::uint64_t next_ = 1;
    std::vector<SkippedEvents> skipped_;
    bool armed_ = true;
    std::function<void()> wake_;
  };

  explicit LiveFeed(std::size_t capacity_bytes = 32u << 20) : capacity_bytes_(capacity_bytes) {}
  // Starts watching: the reader gets the entries that arrive from now on. For earlier events open the archive
  // afterwards, and drop pieces of the feed whose last_seq is not above the last seq read of that thread. `wake` is
  // called on the drainer's thread when an entry arrives, once until the next Take; it must only post. The feed
  // outlives its readers. While readers exist, pieces come at least every 20 ms.
  std::unique_ptr<Reader> Watch(std::function<void()> wake);
  std::size_t readers() const;
  std::uint64_t latest() const;  // number of the newest entry, 0 = none yet

  void Publish(PiecePtr piece);
  void PublishRun(Entry::What what, std::shared_ptr<const RunInfo> run);

 private:
  void Add(Entry entry);
  void Unwatch(Reader* reader);
  static std::size_t BytesOf(const Entry& entry);

  const std::size_t capacity_bytes_;
  mutable shm::Mutex mutex_;
  std::deque<Entry> entries_ SMILEY_GUARDED_BY(mutex_);
  std::size_t bytes_ SMILEY_GUARDED_BY(mutex_) = 0;
  std::uint64_t latest_ SMILEY_GUARDED_BY(mutex_) = 0;
  std::vector<Reader*> readers_ SMILEY_GUARDED_BY(mutex_);
};

}  // namespace smiley::daemon
