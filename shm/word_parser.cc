#include <limits>

#include "shm/ring_reader.h"

namespace smiley::shm {
namespace {

bool IsKnownEvent(Kind kind) { return kind >= Kind::kCall && kind <= kLastEvent; }
bool IsKnownAttachment(Kind kind) { return kind >= Kind::kTime && kind <= Kind::kCode; }
// The payload's size in bytes, for kinds with a fixed size. Other kinds: SIZE_MAX.
std::size_t FixedSize(Kind kind) {
  switch (kind) {
    case Kind::kTime:
    case Kind::kAnchor:
    case Kind::kFrame:
      return kWordBytes;
    case Kind::kLoss:
      return 4 * kWordBytes;
    case Kind::kUnset:
    case Kind::kCode:
      return 0;
    default:
      return SIZE_MAX;
  }
}

}  // namespace

WordParser::WordParser(const BlockHeader& header, const std::uint64_t* words, std::size_t count)
    : at_(words), end_(words + count), seq_(header.first_seq), units_(header.base_units) {}

bool WordParser::ReadAttachments(RawEvent* event, std::uint64_t* time_high) {
  for (; at_ != end_ && IsAttachment(WordKind(*at_));) {
    const std::uint64_t word = *at_;
    const Kind kind = WordKind(word);
    if (!IsKnownAttachment(kind)) return false;
    const auto flags = static_cast<std::uint8_t>(WordFlagBits(word));
    if (flags & kFlagInline) {
      if (!IsCborKind(kind)) return false;
      event->attachments.push_back({kind, flags, WordId(word), reinterpret_cast<const unsigned char*>(at_) + 4, 4});
      ++at_;
      continue;
    }
    const std::size_t size = WordHigh(word);
    const std::size_t fixed = FixedSize(kind);
    if (fixed == SIZE_MAX ? (size == 0 || size > kMaxAttachmentBytes) : size != fixed) return false;
    if (PayloadWords(size) > static_cast<std::size_t>(end_ - at_) - 1) return false;
    const std::uint64_t* const payload = at_ + 1;
    at_ = payload + PayloadWords(size);
    switch (kind) {
      case Kind::kTime:
        if (*time_high != 0 || *payload == 0 || *payload >> 32) return false;
        *time_high = *payload;
        break;
      case Kind::kAnchor:
        event->anchor_mono_ns = *payload;
        break;
      case Kind::kFrame:
        event->frame = *payload;
        break;
      default:
        event->attachments.push_back({kind, flags, WordId(word), reinterpret_cast<const unsigned char*>(payload),
                                      static_cast<std::uint32_t>(size)});
    }
  }
  return true;
}

WordParser::Step WordParser::Next(RawEvent* event) {
  if (at_ == end_) return Step::kEnd;
  const std::uint64_t word = *at_++;
  const Kind kind = WordKind(word);
  if (kind == Kind::kPad) {
    at_ = end_;
    return Step::kEnd;
  }
  const auto damaged = [this] {
    at_ = end_;
    return Step::kDamaged;
  };
  event->kind = kind;
  event->flags = static_cast<std::uint8_t>(WordFlagBits(word));
  event->id = WordId(word);
  event->seq = 0;
  event->units = units_;
  event->anchor_mono_ns = 0;
  event->frame = 0;
  event->attachments.clear();
  std::uint64_t time_high = 0;
  if (kind == Kind::kMore) {
    if (WordHigh(word) != 0 || !ReadAttachments(event, &time_high) || time_high != 0) return damaged();
    return Step::kMore;
  }
  if (!IsKnownEvent(kind) || !ReadAttachments(event, &time_high)) return damaged();
  const std::uint64_t delta = time_high << 32 | WordHigh(word);
  if (delta > std::numeric_limits<std::uint64_t>::max() - units_) return damaged();
  if (kind != Kind::kLost) {
    if (seq_ >= kMaxCount) return damaged();
    event->seq = seq_++;
  } else {
    // A kLost event takes the next seqs.
    if (event->attachments.size() != 1 || event->attachments[0].kind != Kind::kLoss) return damaged();
    const auto* loss = reinterpret_cast<const std::uint64_t*>(event->attachments[0].bytes);
    if (loss[0] != seq_ || loss[1] == 0 || loss[1] >= kMaxCount || seq_ >= kMaxCount || loss[2] > loss[3]) {
      return damaged();
    }
    event->seq = seq_;
    seq_ += loss[1];
  }
  units_ += delta;
  event->units = units_;
  return Step::kEvent;
}

}  // namespace smiley::shm
