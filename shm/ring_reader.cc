#include "shm/ring_reader.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "shm/base/requires.h"
#include "shm/base/test_point.h"

namespace smiley::shm {
namespace {

bool IsWhole(const BlockHeader& header, std::uint64_t block) {
  return header.magic == kBlockMagic && header.version == kFormatVersion && header.flags == 0 &&
         header.block == block && header.thread != 0 && header.first_seq != 0 &&
         header.shown == std::min<std::uint32_t>(header.depth, kShownFrames);
}

// The published position. 0 for a number that no producer reaches, so that arithmetic on positions cannot wrap.
std::uint64_t WritePos(const SegmentHeader& header) {
  const std::uint64_t position = header.write_pos.load(std::memory_order_acquire);
  return position >> 62 ? 0 : position;
}

}  // namespace

RingReader::RingReader(std::shared_ptr<Segment> segment, std::uint64_t position)
    : segment_(std::move(segment)), position_(position), block_count_(segment_->data_bytes() / kBlockBytes) {}

std::uint64_t RingReader::Oldest(std::uint64_t write_pos) const {
  const SegmentHeader& header = segment_->header();
  const std::uint64_t ring_words = block_count_ * kBlockWords;
  std::uint64_t oldest;
  if (header.on_full == OnFull::kOverwrite) {
    const std::uint64_t intent = header.intent_pos.load(std::memory_order_relaxed);
    oldest = intent > ring_words ? intent - ring_words : 0;
  } else {
    // The producer may overwrite freed blocks at any moment.
    oldest = header.read_pos.load(std::memory_order_relaxed);
  }
  const std::uint64_t least = write_pos > ring_words ? write_pos - ring_words : 0;
  oldest = std::max(std::min(oldest, write_pos), least);
  if (const std::uint64_t inside = oldest % kBlockWords) oldest += kBlockWords - inside;
  return oldest;
}

ReadState RingReader::Read(BlockPart* out) {
  SegmentHeader& header = segment_->header();
  header.heartbeat_mono_ns.store(MonotonicNs(), std::memory_order_relaxed);
  const std::uint64_t write_pos = WritePos(header);
  out->words.clear();
  out->block_done = false;
  if (const std::uint64_t oldest = Oldest(write_pos); position_ < oldest) {
    out->from = position_;
    out->to = position_ = oldest;
    return ReadState::kOverrun;
  }
  const std::uint64_t block = position_ / kBlockWords;
  const std::uint64_t first = block * kBlockWords;
  const std::uint64_t from = std::max(position_, first + kBlockHeaderWords);
  out->from = out->to = from;
  if (write_pos <= from) return ReadState::kEmpty;
  const std::uint64_t to = std::min(write_pos, first + kBlockWords);

  const auto* slot =
      reinterpret_cast<const std::uint64_t*>(segment_->data()) + (block & (block_count_ - 1)) * kBlockWords;
  std::memcpy(&out->header, slot, sizeof out->header);
  out->words.assign(slot + (from - first), slot + (to - first));
  // The producer stores the intent before it overwrites. So if one of the copied words is new, the check shows it.
  std::atomic_thread_fence(std::memory_order_acquire);
#ifndef SMILEY_NO_OVERWRITE_CHECK  // only the test of this check defines it
  if (const std::uint64_t oldest = Oldest(write_pos); position_ < oldest) {
    out->words.clear();
    out->from = position_;
    out->to = position_ = oldest;
    return ReadState::kOverrun;
  }
#endif
  if (!IsWhole(out->header, block)) {
    out->words.clear();
    out->from = position_;
    out->to = position_ = first + kBlockWords;
    return ReadState::kDamagedBlock;
  }
  out->to = position_ = to;
  out->block_done = to == first + kBlockWords;
  return ReadState::kData;
}

std::uint64_t RingReader::Backlog() const {
  const std::uint64_t write_pos = WritePos(segment_->header());
  return write_pos > position_ ? std::min(write_pos - position_, block_count_ * kBlockWords) : 0;
}

void RingReader::Free(std::uint64_t position) {
  SMILEY_REQUIRES(position <= position_);
  SegmentHeader& header = segment_->header();
  position = std::min({position, position_, WritePos(header)});
  position -= position % kBlockWords;
  if (position <= header.read_pos.load(std::memory_order_relaxed)) return;
  header.read_pos.store(position, std::memory_order_release);
  SMILEY_TEST_POINT("ring.freed");
}

RingReader::PendingLoss RingReader::Pending() const {
  const SegmentHeader& header = segment_->header();
  PendingLoss loss{};
  loss.count = header.lost_count.load(std::memory_order_acquire);
  if (loss.count == 0) return loss;
  loss.thread = header.thread.load(std::memory_order_relaxed);
  loss.first = header.lost_first.load(std::memory_order_relaxed);
  loss.first_units = header.lost_first_units.load(std::memory_order_relaxed);
  loss.last_units = std::max(loss.first_units, header.lost_last_units.load(std::memory_order_relaxed));
  // No producer reaches these numbers.
  if (loss.thread == 0 || loss.first == 0 || loss.count >> 62 || loss.first >> 62) return PendingLoss{};
  return loss;
}

}  // namespace smiley::shm
