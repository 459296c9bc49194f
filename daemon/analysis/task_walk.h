// Thread rule: a TaskWalk belongs to one thread at a time.
//
// Walks the chunks of one thread in a span of time, with the asyncio task that runs at the beginning of each. A chunk
// in which the running task does not change belongs to that task as a whole, and need not be read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/events/piece_walk.h"
#include "daemon/run/archive.h"
#include "shm/base/status.h"

namespace smiley::daemon {

class TaskWalk {
 public:
  TaskWalk(Archive& archive, std::string run, ThreadInfo thread, std::int64_t from_ns, std::int64_t to_ns)
      : archive_(archive), run_(std::move(run)), thread_(std::move(thread)), from_ns_(from_ns), to_ns_(to_ns) {}

  // Goes to the next chunk. False: the end.
  Result<bool> Next();
  // The summary of the chunk.
  const Piece& piece() const { return *entry_.piece; }
  // Whether the running task changes within the chunk.
  bool switches() const { return Switches(piece()); }
  // Reads the words of the chunk. kDamaged: they cannot be read.
  Result<PiecePtr> Read() { return archive_.ReadPiece(run_, entry_); }
  // Follows the running task; call for each event of a chunk that switches().
  void Take(const PieceWalker& walker) {
    if (walker.kind == shm::Kind::kTask) task_ = walker.id == 0 ? 0 : names_->FindTask(walker.id);
  }
  std::uint32_t task() const { return task_; }  // number of the running task in the run, 0 = none
  const ThreadInfo& thread() const { return thread_; }

 private:
  static bool Switches(const Piece& piece) { return (piece.kinds & KindBit(shm::Kind::kTask)) != 0; }
  Status Begin();
  Status TakeAll(const PieceEntry& entry);

  Archive& archive_;
  const std::string run_;
  const ThreadInfo thread_;
  const std::int64_t from_ns_, to_ns_;
  std::shared_ptr<const Names> names_;
  std::vector<PieceEntry> entries_;  // a part of the index
  std::size_t at_ = 0;
  std::uint64_t from_seq_ = 0;  // where the next part begins
  bool more_ = true;            // the index may have a next part
  PieceEntry entry_;
  std::uint32_t task_ = 0;
};

}  // namespace smiley::daemon
