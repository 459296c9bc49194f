#include "daemon/events/thread_words.h"

#include <algorithm>
#include <cstring>

#include "daemon/run/piece_scan.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kMaxHeldPieces = 1024;  // most pieces that one event may extend over

std::uint64_t WordAt(std::string_view bytes, std::size_t index) {
  std::uint64_t word;
  std::memcpy(&word, bytes.data() + index * shm::kWordBytes, shm::kWordBytes);
  return word;
}

}  // namespace

void ThreadWords::ContinueAt(std::uint64_t seq) {
  known_ = told_ = true;
  next_seq_ = seq;
}

void ThreadWords::Start(PiecePtr piece) {
  const std::uint64_t first = FirstSeq(*piece);
  const bool follows = !piece->damaged_before && (!known_ || first == next_seq_);
  told_ = told_ && follows;
  if (have_ && waiting_) {
    held_.push_back(std::move(piece_));
    if (!piece->begins_inside || !follows || held_.size() > kMaxHeldPieces) {
      waiting_ = false;
      event_.tail_missing = true;
    }
  } else if (have_ || (piece_ != nullptr && at_ < piece_->words.size())) {
    have_ = false;  // the caller left the piece before unfinished
    held_.clear();
    gap_ = true;
  }
  piece_ = std::move(piece);
  at_ = 0;
  units_ = piece_->state.base_units;
  time_ = piece_->time;
  opens_ = true;
  if (!follows) gap_ = true;
  next_seq_ = first;
  known_ = true;
  if (!piece_->begins_inside) return;
  if (!waiting_) {
    SkipContinuation();
    return;
  }
  const auto& words = piece_->words;
  if (!words.empty() && shm::WordKind(words[0]) == shm::Kind::kMore) {
    waiting_ = (shm::WordFlagBits(words[0]) & shm::kFlagMore) != 0;
    at_ = 1;
    ParseAttachments(&event_.attachments);
    if (at_ < words.size() && shm::WordKind(words[at_]) != shm::Kind::kPad) waiting_ = false;
  } else {
    waiting_ = false;
    event_.tail_missing = true;
    ++damaged_;
  }
}

// A loss at the beginning of the thread gives the first number.
std::uint64_t ThreadWords::FirstSeq(const Piece& piece) const {
  const std::uint64_t first = piece.state.first_seq;
  const auto& words = piece.words;
  if (words.size() >= 6 && shm::WordKind(words[0]) == shm::Kind::kLost) {
    for (std::size_t i = 1; i + 4 < words.size() && shm::IsAttachment(shm::WordKind(words[i]));) {
      if (shm::WordKind(words[i]) == shm::Kind::kLoss) {
        return known_ && words[i + 1] <= next_seq_ ? next_seq_ : words[i + 1];
      }
      i += 1 + shm::PayloadWords(shm::WordHigh(words[i]));
    }
  }
  return first;
}

void ThreadWords::SkipContinuation() {
  if (!told_) gap_ = true;  // the variables in its attachments are not known
  const auto& words = piece_->words;
  if (words.empty() || shm::WordKind(words[0]) != shm::Kind::kMore) return;
  at_ = 1;
  ParseAttachments(nullptr);
}

void ThreadWords::ParseAttachments(std::vector<Attachment>* out) {
  const auto& words = piece_->words;
  while (at_ < words.size()) {
    const std::uint64_t word = words[at_];
    const shm::Kind kind = shm::WordKind(word);
    if (!shm::IsAttachment(kind)) return;
    Attachment attachment;
    attachment.kind = kind;
    attachment.flags = shm::WordFlagBits(word);
    attachment.id = shm::WordId(word);
    if (attachment.flags & shm::kFlagInline) {
      if (!IsCborKind(kind)) {
        ++damaged_;
        ++at_;
        continue;
      }
      attachment.is_inline = true;
      attachment.bytes = {reinterpret_cast<const char*>(&words[at_]) + 4, 4};
      ++at_;
    } else {
      const std::size_t bytes = shm::WordHigh(word);
      if (bytes > shm::kMaxAttachmentBytes || shm::PayloadWords(bytes) > words.size() - at_ - 1) {
        ++damaged_;
        at_ = words.size();  // the beginning of the next word is not known
        gap_ = true;
        return;
      }
      attachment.bytes = {reinterpret_cast<const char*>(words.data() + at_ + 1), bytes};
      at_ += 1 + shm::PayloadWords(bytes);
    }
    if (out != nullptr) out->push_back(attachment);
  }
}

std::int64_t ThreadWords::TimeOf(std::uint64_t units) const { return NsAt(time_, units); }

bool ThreadWords::SetLoss(const Attachment& loss) {
  if (loss.bytes.size() < 4 * shm::kWordBytes) return false;
  std::uint64_t first = WordAt(loss.bytes, 0);
  std::uint64_t end = 0;
  if (__builtin_add_overflow(first, WordAt(loss.bytes, 1), &end)) return false;
  first = std::max(first, next_seq_);  // reported twice: only the new part counts
  if (end <= first) return false;
  if (first > next_seq_) event_.gap = true;
  event_.seq = first;
  event_.lost_count = end - first;
  event_.lost_first_ns = TimeOf(WordAt(loss.bytes, 2));
  event_.lost_last_ns = std::max(event_.lost_first_ns, TimeOf(WordAt(loss.bytes, 3)));
  next_seq_ = end;
  return true;
}

bool ThreadWords::ParseEvent() {
  const auto& words = piece_->words;
  const std::uint64_t word = words[at_++];
  told_ = false;
  event_.kind = shm::WordKind(word);
  event_.flags = shm::WordFlagBits(word);
  event_.id = shm::WordId(word);
  event_.attachments.clear();
  event_.lost_count = 0;
  event_.tail_missing = false;
  event_.gap = false;
  ParseAttachments(&event_.attachments);
  units_ += shm::WordHigh(word);
  const Attachment* loss = nullptr;
  for (const Attachment& attachment : event_.attachments) {
    if (attachment.bytes.size() < shm::kWordBytes) continue;
    if (attachment.kind == shm::Kind::kTime) {
      units_ += WordAt(attachment.bytes, 0) << 32;
    } else if (attachment.kind == shm::Kind::kAnchor) {
      time_.anchor_units = units_;
      const std::uint64_t wall = WordAt(attachment.bytes, 0) + static_cast<std::uint64_t>(time_.wall_minus_mono_ns);
      time_.anchor_ns = static_cast<std::int64_t>(wall);
    } else if (attachment.kind == shm::Kind::kLoss) {
      loss = &attachment;
    }
  }
  last_ns_ = event_.time_ns = std::max(last_ns_, TimeOf(units_));
  if (event_.kind == shm::Kind::kLost) {
    if (loss == nullptr) ++damaged_;
    if (loss == nullptr || !SetLoss(*loss)) return false;
  } else {
    event_.seq = next_seq_++;
    if (event_.kind > shm::kLastEvent) {
      ++damaged_;
      return false;
    }
  }
  event_.opens = opens_ ? piece_.get() : nullptr;
  event_.gap |= gap_;
  opens_ = gap_ = false;
  have_ = true;
  const bool last = at_ >= words.size() || shm::WordKind(words[at_]) == shm::Kind::kPad;
  waiting_ = (event_.flags & shm::kFlagMore) != 0 && last;
  return true;
}

const RawEvent* ThreadWords::Peek() {
  if (have_) return waiting_ ? nullptr : &event_;
  if (piece_ == nullptr) return nullptr;
  const auto& words = piece_->words;
  while (at_ < words.size()) {
    const shm::Kind kind = shm::WordKind(words[at_]);
    if (kind == shm::Kind::kPad) {
      at_ = words.size();
      break;
    }
    if (shm::IsEvent(kind)) {
      if (ParseEvent()) return waiting_ ? nullptr : &event_;
      continue;
    }
    ++damaged_;  // an attachment or continuation without an event
    gap_ = true;
    if (!shm::IsAttachment(kind)) ++at_;
    ParseAttachments(nullptr);
  }
  piece_.reset();  // so that thousands of ended threads do not hold their last pieces
  return nullptr;
}

void ThreadWords::Take() {
  have_ = false;
  if (event_.tail_missing) gap_ = true;
  event_.opens = nullptr;
  held_.clear();
}

void ThreadWords::Finish() {
  if (!have_ || !waiting_) return;
  waiting_ = false;
  event_.tail_missing = true;
}

}  // namespace smiley::daemon
