// Thread rule: a PieceWalker belongs to one thread.
//
// The events of pieces by their words alone: where, when and of which kind, in nanoseconds an event; no values, no
// names. What searches look at first. Treats every word as hostile.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "daemon/run/piece.h"
#include "shm/format.h"

namespace smiley::daemon {

class PieceWalker {
 public:
  // Begins with a piece, which must outlive the walk through it. Of open frames only those are known that its header
  // shows, or, when it follows the piece before, those known there.
  void Start(const Piece& piece);
  // The next event; false at the piece's end, or where its words make no sense.
  bool Next() {
    if (leaving_) Leave();
    while (at_ < piece_->words.size()) {
      const std::uint64_t word = piece_->words[at_];
      kind = shm::WordKind(word);
      if (kind == shm::Kind::kPad) break;
      attachments_at_ = ++at_;
      flags = shm::WordFlagBits(word);
      id = shm::WordId(word);
      units_ += shm::WordHigh(word);
      const bool plain = at_ >= piece_->words.size() || !shm::IsAttachment(shm::WordKind(piece_->words[at_]));
      if (!plain && !ReadAttachments()) break;
      if (kind == shm::Kind::kMore) {
        if (!continuations) continue;
        TakeMore();
        return true;
      }
      if (!shm::IsEvent(kind)) break;
      Take();
      return true;
    }
    at_ = piece_->words.size();
    return false;
  }

  // True: what goes on from the piece before is given as an event of kind kMore, with the seq of that event.
  bool continuations = false;

  // ---- the event that Next gave
  shm::Kind kind{};
  std::uint32_t flags = 0, id = 0;
  std::uint64_t seq = 0;    // of a lost event: the first that was lost
  std::uint64_t count = 0;  // of a lost event: how many were lost; else 1
  std::uint32_t code = 0;   // of its frame, 0 = not known or none
  std::uint32_t line = 0;   // as recorded; 0 = the code's first line, or none
  std::uint64_t frame = 0;  // 0 = not known or none
  std::uint32_t open = 0;   // open frames, its own included
  std::uint32_t depth() const { return in_frame && open > 0 ? open - 1 : 0; }
  // The frame that called this one; nulls where it is not known.
  shm::OpenFrame Parent() const {
    return in_frame && stack_.size() > 1 ? stack_[stack_.size() - 2] : shm::OpenFrame{};
  }
  bool in_frame = false;  // it happened in a frame
  std::int64_t TimeNs() const;
  // Calls each(attachment word, payload, payload's bytes) for its attachments.
  template <typename Each>
  void ForEachAttachment(const Each& each) const {
    const auto& words = piece_->words;
    for (std::size_t at = attachments_at_; at < at_;) {
      const std::uint64_t word = words[at];
      const bool is_inline = (shm::WordFlagBits(word) & shm::kFlagInline) != 0;
      const std::size_t bytes = is_inline ? 0 : shm::WordHigh(word);
      each(word,
           is_inline ? reinterpret_cast<const char*>(&words[at]) + 4 : reinterpret_cast<const char*>(&words[at + 1]),
           is_inline ? std::size_t{4} : bytes);
      at += 1 + shm::PayloadWords(bytes);
    }
  }
  bool has_attachments() const { return at_ > attachments_at_; }
  // Open frames, innermost last, as they are during the event; `hidden` more lie below.
  const std::vector<shm::OpenFrame>& stack() const { return stack_; }
  std::uint32_t hidden() const { return hidden_; }

 private:
  bool ReadAttachments();
  void Take();
  void TakeMore();
  void Leave();

  const Piece* piece_ = nullptr;
  std::size_t at_ = 0, attachments_at_ = 0;
  std::uint64_t next_seq_ = 0, units_ = 0, last_frame_ = 0;
  std::uint64_t frame_attachment_ = 0;
  std::uint64_t loss_first_ = 0, loss_count_ = 0;
  TimeBase time_;
  std::vector<shm::OpenFrame> stack_;
  std::uint32_t hidden_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t> waiting_;  // where suspended frames stand, as far as it was seen
  bool leaving_ = false;
};

}  // namespace smiley::daemon
