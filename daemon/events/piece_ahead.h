// Thread rule: a PieceAhead belongs to one thread; what it reads is read by one of its own.
//
// Reads chunks before they are needed: while one is looked at, the next ones are fetched and decompressed on another
// processor. For questions that go through many chunks.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>

#include "daemon/run/archive.h"
#include "shm/base/mutex.h"

namespace smiley::daemon {

class PieceAhead {
 public:
  static constexpr std::size_t kMost = 6;  // pieces that wait to be taken, of 64 KiB each

  PieceAhead(Archive& archive, std::string run) : archive_(archive), run_(std::move(run)) {}
  ~PieceAhead();
  PieceAhead(const PieceAhead&) = delete;
  PieceAhead& operator=(const PieceAhead&) = delete;

  // Whether more may be wanted; false also where there is no second processor.
  bool HasRoom() const { return several_ && wanted_ < kMost; }
  // Has it read. REQUIRES HasRoom(), and that it is not wanted yet; entry.arrival != 0.
  void Want(const PieceEntry& entry);
  // The piece: the one that was wanted, or read now.
  Result<PiecePtr> Take(const PieceEntry& entry);
  // It is not needed after all.
  void Drop(const PieceEntry& entry);

 private:
  void Work();
  // The next one to be read, once there is one that is still wanted; nullopt: it is time to stop.
  std::optional<PieceEntry> Next();

  Archive& archive_;
  const std::string run_;
  const bool several_ = std::thread::hardware_concurrency() > 1;
  std::size_t wanted_ = 0;
  std::thread worker_;  // begins with the first Want
  shm::Mutex mutex_;
  shm::Condition changed_;
  std::deque<PieceEntry> to_read_ SMILEY_GUARDED_BY(mutex_);
  // By arrival; nullopt: not read yet.
  std::unordered_map<std::uint64_t, std::optional<Result<PiecePtr>>> pieces_ SMILEY_GUARDED_BY(mutex_);
  bool stopping_ SMILEY_GUARDED_BY(mutex_) = false;
};

}  // namespace smiley::daemon
