// Thread rule: a PieceAhead belongs to one thread; it reads on a thread of its own.
//
// Reads chunks before they are needed. While the caller works on one chunk, another processor fetches and
// decompresses the next ones. For queries that read many chunks.
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
  static constexpr std::size_t kMost = 6;  // pieces of 64 KiB that were read and not taken

  PieceAhead(Archive& archive, std::string run) : archive_(archive), run_(std::move(run)) {}
  ~PieceAhead();
  PieceAhead(const PieceAhead&) = delete;
  PieceAhead& operator=(const PieceAhead&) = delete;

  // Whether Want may be called. Always false on a machine with one processor.
  bool HasRoom() const { return several_ && wanted_ < kMost; }
  // Begins to read the piece. REQUIRES HasRoom(), entry.arrival != 0, and that the piece is not wanted yet.
  void Want(const PieceEntry& entry);
  // Returns the piece; reads it now when it was not wanted before.
  Result<PiecePtr> Take(const PieceEntry& entry);
  // Gives up a piece that was wanted and is not needed.
  void Drop(const PieceEntry& entry);

 private:
  void Work();
  // Waits for the next piece that is wanted; nullopt: the worker must stop.
  std::optional<PieceEntry> Next();

  Archive& archive_;
  const std::string run_;
  const bool several_ = std::thread::hardware_concurrency() > 1;
  std::size_t wanted_ = 0;
  std::thread worker_;  // started by the first Want
  shm::Mutex mutex_;
  shm::Condition changed_;
  std::deque<PieceEntry> to_read_ SMILEY_GUARDED_BY(mutex_);
  // By arrival; nullopt: not read yet.
  std::unordered_map<std::uint64_t, std::optional<Result<PiecePtr>>> pieces_ SMILEY_GUARDED_BY(mutex_);
  bool stopping_ SMILEY_GUARDED_BY(mutex_) = false;
};

}  // namespace smiley::daemon
