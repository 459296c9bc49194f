#include "daemon/events/piece_walk.h"

#include <algorithm>

#include "daemon/run/piece_scan.h"

namespace smiley::daemon {
namespace {

using shm::Kind;

constexpr std::size_t kMostWaiting = 100'000;
constexpr std::size_t kDeepest = 1u << 20;  // bounds the stack against hostile words

}  // namespace

void PieceWalker::Start(const Piece& piece) {
  if (leaving_) Leave();
  const shm::BlockHeader& header = piece.state;
  const std::uint32_t shown = std::min({header.shown, header.depth, static_cast<std::uint32_t>(shm::kShownFrames)});
  bool same = piece_ != nullptr && next_seq_ == header.first_seq && !piece.damaged_before &&
              stack_.size() + hidden_ == header.depth && stack_.size() >= shown;
  for (std::uint32_t i = 0; same && i < shown; ++i) {
    same = stack_[stack_.size() - 1 - i].frame == header.frames[i].frame;
  }
  if (!same) {
    stack_.resize(shown);
    hidden_ = header.depth - shown;
    for (std::uint32_t i = 0; i < shown; ++i) stack_[shown - 1 - i] = header.frames[i];
  }
  piece_ = &piece;
  at_ = attachments_at_ = 0;
  next_seq_ = header.first_seq;
  units_ = header.base_units;
  last_frame_ = header.last_frame;
  time_ = piece.time;
}

bool PieceWalker::ReadAttachments() {
  const auto& words = piece_->words;
  while (at_ < words.size() && shm::IsAttachment(shm::WordKind(words[at_]))) {
    const std::uint64_t word = words[at_];
    const Kind which = shm::WordKind(word);
    const bool is_inline = (shm::WordFlagBits(word) & shm::kFlagInline) != 0;
    const std::size_t bytes = is_inline ? 0 : shm::WordHigh(word);
    const std::size_t payload = shm::PayloadWords(bytes);
    if (payload > words.size() - at_ - 1) return false;
    const std::uint64_t* const first = words.data() + at_ + 1;
    at_ += 1 + payload;
    if (payload == 0) continue;
    switch (which) {
      case Kind::kTime:
        units_ += *first << 32;
        break;
      case Kind::kAnchor:
        time_.anchor_units = units_;
        time_.anchor_ns = static_cast<std::int64_t>(*first + static_cast<std::uint64_t>(time_.wall_minus_mono_ns));
        break;
      case Kind::kFrame:
        frame_attachment_ = *first;
        break;
      case Kind::kLoss:
        if (payload == 4) {
          loss_first_ = first[0];
          loss_count_ = first[1];
        }
        break;
      default:
        break;
    }
  }
  return true;
}

std::int64_t PieceWalker::TimeNs() const { return NsAt(time_, units_); }

void PieceWalker::Take() {
  seq = next_seq_;
  count = 1;
  if (kind == Kind::kLost) {
    seq = std::max(loss_first_, next_seq_);
    count = loss_first_ + loss_count_ > seq ? loss_first_ + loss_count_ - seq : 0;
    loss_first_ = loss_count_ = 0;
  }
  next_seq_ = seq + count;
  if (EntersFrame(kind)) {
    std::uint64_t entered = frame_attachment_;
    if (kind == Kind::kCall) last_frame_ = entered = entered != 0 ? entered : last_frame_ + 1;
    if (stack_.size() >= kDeepest) {
      hidden_ += kDeepest / 2;
      stack_.erase(stack_.begin(), stack_.begin() + kDeepest / 2);
    }
    stack_.push_back({entered, id, 0});
    if (kind != Kind::kCall && !waiting_.empty()) {
      if (const auto stood = waiting_.extract(entered)) stack_.back().line = stood.mapped();
    }
  }
  frame_attachment_ = 0;
  open = hidden_ + static_cast<std::uint32_t>(stack_.size());
  in_frame = open > 0 && HappensInFrame(kind);
  frame = 0;
  code = line = 0;
  if (in_frame && !stack_.empty()) {
    shm::OpenFrame& top = stack_.back();
    if (kind == Kind::kLine) top.line = id;
    frame = top.frame;
    code = top.code;
    line = top.line;
  }
  if (in_frame && HasLine(kind) && id != 0) line = id;
  if (kind == Kind::kYield && frame != 0) {
    if (waiting_.size() >= kMostWaiting) waiting_.clear();
    waiting_[frame] = line;
  }
  leaving_ = LeavesFrame(kind) || kind == Kind::kThreadEnd;
}

void PieceWalker::TakeMore() {
  seq = next_seq_ - 1;
  count = 0;
  open = hidden_ + static_cast<std::uint32_t>(stack_.size());
  in_frame = !stack_.empty();
  frame = in_frame ? stack_.back().frame : 0;
  code = in_frame ? stack_.back().code : 0;
  line = in_frame ? stack_.back().line : 0;
  frame_attachment_ = 0;
}

void PieceWalker::Leave() {
  leaving_ = false;
  if (kind == Kind::kThreadEnd) {
    stack_.clear();
    hidden_ = 0;
  } else if (!stack_.empty()) {
    stack_.pop_back();
  } else if (hidden_ > 0) {
    --hidden_;
  }
}

}  // namespace smiley::daemon
