#include "daemon/piece_ahead.h"

#include <utility>

namespace smiley::daemon {

PieceAhead::~PieceAhead() {
  if (!worker_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

void PieceAhead::Want(const PieceEntry& entry) {
  {
    std::lock_guard lock(mutex_);
    to_read_.push_back(entry);
    pieces_.emplace(entry.arrival, std::nullopt);
  }
  ++wanted_;
  if (!worker_.joinable()) worker_ = std::thread([this] { Work(); });
  changed_.notify_all();
}

Result<PiecePtr> PieceAhead::Take(const PieceEntry& entry) {
  std::unique_lock lock(mutex_);
  const auto found = pieces_.find(entry.arrival);
  if (entry.arrival == 0 || found == pieces_.end()) {
    lock.unlock();
    return archive_.ReadPiece(run_, entry);
  }
  changed_.wait(lock, [&] { return found->second.has_value(); });
  Result<PiecePtr> piece = std::move(*found->second);
  pieces_.erase(found);
  --wanted_;
  return piece;
}

void PieceAhead::Drop(const PieceEntry& entry) {
  std::lock_guard lock(mutex_);
  if (entry.arrival != 0 && pieces_.erase(entry.arrival) != 0) --wanted_;
}

void PieceAhead::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !to_read_.empty(); });
    if (stopping_) return;
    const PieceEntry entry = std::move(to_read_.front());
    to_read_.pop_front();
    if (!pieces_.contains(entry.arrival)) continue;  // dropped
    lock.unlock();
    Result<PiecePtr> piece = archive_.ReadPiece(run_, entry);
    lock.lock();
    if (const auto at = pieces_.find(entry.arrival); at != pieces_.end()) at->second.emplace(std::move(piece));
    changed_.notify_all();
  }
}

}  // namespace smiley::daemon
