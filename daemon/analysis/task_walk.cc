#include "daemon/analysis/task_walk.h"

#include "daemon/find/position_search.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kIndexPortion = 4096, kPortionBefore = 64;

}  // namespace

// Finds the first chunk of the span, and the task that runs there.
Status TaskWalk::Begin() {
  auto names = archive_.NamesOf(run_, thread_.process);
  if (!names) return names.status();
  names_ = std::move(*names);
  if (from_ns_ == INT64_MIN) return Status::Ok();
  auto first = FindLastBegun(archive_, run_, thread_, from_ns_ - 1);
  if (!first) return first.status();
  if (first->piece == nullptr) return Status::Ok();
  from_seq_ = first->piece->first_seq;
  for (std::uint64_t before = from_seq_; before > 1;) {
    auto entries = archive_.IndexBefore(run_, thread_.thread, before, kPortionBefore);
    if (!entries) return entries.status();
    if (entries->empty()) break;
    for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
      if (!Switches(*entry->piece)) continue;
      return TakeAll(*entry);
    }
    if (entries->front().piece->first_seq >= before) break;
    before = entries->front().piece->first_seq;
  }
  return Status::Ok();
}

// Reads a chunk before the span for the task that runs behind it.
Status TaskWalk::TakeAll(const PieceEntry& entry) {
  auto piece = archive_.ReadPiece(run_, entry);
  if (!piece) return piece.status().code() == Code::kDamaged ? Status::Ok() : piece.status();
  PieceWalker walker;
  walker.Start(**piece);
  while (walker.Next()) Take(walker);
  return Status::Ok();
}

Result<bool> TaskWalk::Next() {
  if (names_ == nullptr) {
    if (Status status = Begin(); !status) return status;
  }
  for (;;) {
    if (at_ == entries_.size()) {
      if (!more_) return false;
      auto entries = archive_.Index(run_, thread_.thread, from_seq_, kIndexPortion);
      if (!entries) return entries.status();
      const std::uint64_t behind = entries->empty() ? 0 : entries->back().piece->last_seq + 1;
      more_ = entries->size() == kIndexPortion && behind > from_seq_;
      // A part of the index may begin with a chunk that lies before it.
      std::erase_if(*entries, [&](const PieceEntry& one) {
        return one.piece->last_seq != 0 && one.piece->last_seq < from_seq_;
      });
      from_seq_ = behind;
      entries_ = std::move(*entries);
      at_ = 0;
      continue;
    }
    const PieceEntry& entry = entries_[at_++];
    if (entry.piece->last_ns < from_ns_) {
      if (Switches(*entry.piece)) {
        if (Status status = TakeAll(entry); !status) return status;
      }
      continue;
    }
    if (entry.piece->first_ns > to_ns_) {
      more_ = false;
      at_ = entries_.size();
      return false;
    }
    entry_ = entry;
    return true;
  }
}

}  // namespace smiley::daemon
