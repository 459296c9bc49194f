// Thread rule: a PieceWalker belongs to one thread.
//
// Reads the events of pieces from their words alone: place, time and kind, without values and names. It takes
// nanoseconds an event, so that searches use it first. Every word is treated as hostile.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "daemon/run/piece.h"
#include "shm/format.h"

namespace smiley::daemon {

class PieceWalker {
 public:
  // Begins a piece, which must outlive the walk through it. When the piece follows the one before, the open frames
  // stay known. Otherwise only the frames in the piece's header are known.
  void Start(const Piece& piece);
  // Goes to the next event. False: the piece ends here, or its words are damaged.
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

  // True: the continuation of an event from the piece before is given as an event of kind kMore with the same seq.
  bool continuations = false;

  // ---- the event that Next gave
  shm::Kind kind{};
  std::uint32_t flags = 0, id = 0;  // of the event's word; shm/format.h gives the meaning of the id for each kind
  std::uint64_t seq = 0;            // of a lost event: the first that was lost
  std::uint64_t count = 0;          // of a lost event: how many were lost; else 1
  std::uint32_t code = 0;           // catalogue id of its frame's code; 0 = not known or none
  std::uint32_t line = 0;           // as recorded; 0 = the code's first line, or none
  std::uint64_t frame = 0;          // 0 = not known or none
  std::uint32_t open = 0;           // number of open frames, its own included
  std::uint32_t depth() const { return in_frame && open > 0 ? open - 1 : 0; }
  // The frame that called the event's frame; all members 0: not known.
  shm::OpenFrame Parent() const {
    return in_frame && stack_.size() > 1 ? stack_[stack_.size() - 2] : shm::OpenFrame{};
  }
  bool in_frame = false;  // the event happened in a frame
  std::int64_t TimeNs() const;
  // Calls each(attachment word, payload, number of bytes) for each attachment.
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
  // The open frames during the event, innermost last. hidden() more frames are open further out, and not known.
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
  std::unordered_map<std::uint64_t, std::uint32_t> waiting_;  // the lines of suspended frames, as far as known
  bool leaving_ = false;
};

}  // namespace smiley::daemon
