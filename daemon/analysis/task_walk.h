// Thread rule: a TaskWalk belongs to one thread at a time.
//
// The chunks of one thread that lie in a stretch of time, with the asyncio task that runs as each begins. Chunks in
// which no task begins or ends to run need not be read: all of it belongs to that task.
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

  // Goes to the next chunk; false at the end.
  Result<bool> Next();
  // Its summary.
  const Piece& piece() const { return *entry_.piece; }
  // Whether the running task changes within it.
  bool switches() const { return Switches(piece()); }
  // Its words. kDamaged: they cannot be read.
  Result<PiecePtr> Read() { return archive_.ReadPiece(run_, entry_); }
  // Takes an event of such a chunk, which may change the running task.
  void Take(const PieceWalker& walker) {
    if (walker.kind == shm::Kind::kTask) task_ = walker.id == 0 ? 0 : names_->FindTask(walker.id);
  }
  std::uint32_t task() const { return task_; }  // the running one's number in the run, 0 = none
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
  std::vector<PieceEntry> entries_;  // a portion of the index
  std::size_t at_ = 0;
  std::uint64_t from_seq_ = 0;  // where the next portion begins
  bool more_ = true;            // there may be one
  PieceEntry entry_;
  std::uint32_t task_ = 0;
};

}  // namespace smiley::daemon
