#include "daemon/events/piece_ahead.h"

#include <utility>

#include "shm/base/requires.h"

namespace smiley::daemon {

PieceAhead::~PieceAhead() {
  if (!worker_.joinable()) return;
  {
    const shm::MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  worker_.join();
}

void PieceAhead::Want(const PieceEntry& entry) {
  SMILEY_REQUIRES(HasRoom() && entry.arrival != 0);
  {
    const shm::MutexLock lock(mutex_);
    SMILEY_REQUIRES(!pieces_.contains(entry.arrival));
    to_read_.push_back(entry);
    pieces_.emplace(entry.arrival, std::nullopt);
  }
  ++wanted_;
  if (!worker_.joinable()) worker_ = std::thread([this] { Work(); });
  changed_.NotifyAll();
}

Result<PiecePtr> PieceAhead::Take(const PieceEntry& entry) {
  {
    const shm::MutexLock lock(mutex_);
    const auto found = pieces_.find(entry.arrival);
    if (entry.arrival != 0 && found != pieces_.end()) {
      while (!found->second.has_value()) changed_.Wait(mutex_);
      Result<PiecePtr> piece = std::move(*found->second);
      pieces_.erase(found);
      --wanted_;
      return piece;
    }
  }
  return archive_.ReadPiece(run_, entry);
}

void PieceAhead::Drop(const PieceEntry& entry) {
  const shm::MutexLock lock(mutex_);
  if (entry.arrival != 0 && pieces_.erase(entry.arrival) != 0) --wanted_;
}

std::optional<PieceEntry> PieceAhead::Next() {
  const shm::MutexLock lock(mutex_);
  while (true) {
    while (!stopping_ && to_read_.empty()) changed_.Wait(mutex_);
    if (stopping_) return std::nullopt;
    PieceEntry entry = std::move(to_read_.front());
    to_read_.pop_front();
    if (pieces_.contains(entry.arrival)) return entry;  // otherwise it was dropped
  }
}

void PieceAhead::Work() {
  while (const std::optional<PieceEntry> entry = Next()) {
    Result<PiecePtr> piece = archive_.ReadPiece(run_, *entry);
    {
      const shm::MutexLock lock(mutex_);
      if (const auto at = pieces_.find(entry->arrival); at != pieces_.end()) at->second.emplace(std::move(piece));
    }
    changed_.NotifyAll();
  }
}

}  // namespace smiley::daemon
