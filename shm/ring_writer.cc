#include "shm/ring_writer.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace smiley::shm {

RingWriter::RingWriter(std::unique_ptr<Segment> segment, const Clock& clock, const Options& options)
    : segment_(std::move(segment)), clock_(clock), options_(options) {
  SegmentHeader& header = segment_->header();
  write_pos_ = &header.write_pos;
  words_ = reinterpret_cast<std::uint64_t*>(segment_->data());
  block_count_ = segment_->data_bytes() / kBlockBytes;
  on_full_ = header.on_full;
  anchor_interval_ = clock_.anchor_interval_units;
  if (anchor_interval_ == 0) {
    anchor_interval_ = static_cast<std::uint64_t>(static_cast<double>(kAnchorIntervalNs) / clock_.NsPerUnit());
  }
  // A ring of an ended thread continues at the block after its last one.
  const std::uint64_t written = write_pos_->load(std::memory_order_relaxed);
  next_block_ = (written + kBlockWords - 1) / kBlockWords;
  cursor_ = block_end_ = words_ + written % (block_count_ * kBlockWords);
  if (written % kBlockWords != 0) Leave();
}

RingWriter::~RingWriter() = default;

void RingWriter::StartThread(std::uint32_t number, std::uint64_t next_seq) {
  SMILEY_REQUIRES(thread_ == 0 && number != 0 && next_seq != 0);
  segment_->header().thread.store(number, std::memory_order_relaxed);
  thread_ = number;
  seq_ = next_seq - 1;
  lost_ = announced_ = 0;
  last_units_ = 0;
  last_frame_ = noted_frame_ = 0;
  ++epoch_;
}

bool RingWriter::EndThread() {
  event_ = nullptr;
  if (open_) Leave();
  if (losing_) {
    if (!HasRoom()) return false;
    WriteLoss(last_frame_);
    Leave();
  }
  segment_->header().thread.store(0, std::memory_order_release);
  thread_ = 0;
  return true;
}

bool RingWriter::GoOnFrom(RingWriter* before) {
  SMILEY_REQUIRES(thread_ == 0 && next_block_ == 0);
  SMILEY_REQUIRES(before->thread_ != 0 && before->event_ == nullptr);
  if (before->losing_) return false;
  thread_ = before->thread_;
  before->EndThread();
  seq_ = before->seq_;
  lost_ = before->lost_;
  announced_ = before->announced_;
  last_units_ = before->last_units_;
  last_frame_ = before->last_frame_;
  noted_frame_ = before->noted_frame_;
  epoch_ = before->epoch_;
  segment_->header().thread.store(thread_, std::memory_order_relaxed);
  return true;
}

std::unique_ptr<Segment> RingWriter::Release() {
  event_ = nullptr;
  cursor_ = block_end_ = nullptr;
  open_ = false;
  return std::move(segment_);
}

bool RingWriter::OpenBlock(std::uint64_t units, std::uint64_t last_frame) {
  event_ = nullptr;
  if (!segment_ || thread_ == 0) return false;
  if (open_) Leave();
  if (!(losing_ ? HasRoom() : WaitForRoom())) {
    CountLost(units);
    return false;
  }
  if (losing_) {
    WriteLoss(last_frame);
  } else {
    Enter(seq_ + 1, units, last_frame);
  }
  return true;
}

bool RingWriter::Continue(std::size_t words) {
  constexpr std::uint64_t kMoreBit = static_cast<std::uint64_t>(kFlagMore) << 6;
  if (words >= kBlockPayloadWords) {
    CutAttachment();
    return false;
  }
  if (*event_ & kMoreBit) return false;  // the tail is cut already
  if (WordKind(*event_) != Kind::kMore) continued_blocks_ = 0;
  // Set the bit before the test for a next block. Without such a block, the bit shows readers that the tail is
  // missing.
  *event_ |= kMoreBit;
  if (++continued_blocks_ > std::max<std::uint64_t>(1, block_count_ / 2) || !WaitForRoom()) {
    block_end_ = cursor_;
    ++epoch_;
    return false;
  }
  Leave();
  Enter(seq_ + 1, last_units_, last_frame_);
  event_ = cursor_;
  Put(EventWord(Kind::kMore, 0, 0, 0));
  return true;
}

void RingWriter::CutAttachment() { ++epoch_; }

void RingWriter::PutTimes(std::uint64_t units) {
  if (const std::uint64_t high = (units - last_units_) >> 32) {
    Put(AttachmentWord(Kind::kTime, 0, 0, kWordBytes));
    Put(high);
  }
  Put(AttachmentWord(Kind::kAnchor, 0, 0, kWordBytes));
  Put(clock_.AnchorAt(units).mono_ns);
  anchored_units_ = units;
}

bool RingWriter::HasRoom() {
  if (on_full_ == OnFull::kOverwrite) return true;
  if (next_block_ < cached_read_block_ + block_count_) return true;
  const std::uint64_t freed = segment_->header().read_pos.load(std::memory_order_acquire) / kBlockWords;
  cached_read_block_ = std::min(freed, next_block_);  // a reader cannot have freed a block that was not written
  return next_block_ < cached_read_block_ + block_count_;
}

bool RingWriter::WaitForRoom() {
  while (!HasRoom()) {
    if (on_full_ != OnFull::kBlock || !options_.wait || !options_.wait(options_.wait_context)) return false;
  }
  return true;
}

void RingWriter::Enter(std::uint64_t first_seq, std::uint64_t units, std::uint64_t last_frame) {
  const std::uint64_t block = next_block_++;
  const std::uint64_t slot = block & (block_count_ - 1);
  std::uint64_t* const begin = words_ + slot * kBlockWords;
  if (on_full_ == OnFull::kOverwrite) {
    // The intent is visible before the first byte changes. So a reader that copied some of the new bytes sees it.
    segment_->header().intent_pos.store(next_block_ * kBlockWords, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    SMILEY_TEST_POINT("ring.intent");
    if (block % std::max<std::uint64_t>(1, block_count_ / 4) == 0) ++epoch_;
  }
  if (last_units_ == 0) last_units_ = units;
  const ClockAnchor anchor = clock_.AnchorAt(units);
  BlockHeader header{};
  header.magic = kBlockMagic;
  header.version = kFormatVersion;
  header.block = block;
  header.thread = thread_;
  header.first_seq = first_seq;
  header.base_units = last_units_;
  header.anchor_units = anchor.units;
  header.anchor_mono_ns = anchor.mono_ns;
  header.last_frame = last_frame;
  header.lost = announced_;
  if (options_.frames) header.depth = options_.frames->Snapshot(header.frames);
  header.shown = std::min<std::uint32_t>(header.depth, kShownFrames);
  std::memcpy(begin, &header, sizeof header);
  anchored_units_ = units;
  lap_ = (block - slot) * kBlockWords;
  cursor_ = begin + kBlockHeaderWords;
  block_end_ = begin + kBlockWords;
  open_ = true;
  SMILEY_TEST_POINT("ring.header_written");
}

void RingWriter::Leave() {
  if (cursor_ != RealEnd()) *cursor_ = EventWord(Kind::kPad, 0, 0, 0);
  write_pos_->store(next_block_ * kBlockWords, SMILEY_PUBLISH_ORDER);
  open_ = false;
  block_end_ = cursor_;
  SMILEY_TEST_POINT("ring.block_left");
}

void RingWriter::CountLost(std::uint64_t units) {
  SegmentHeader& header = segment_->header();
  ++seq_;
  ++lost_;
  last_units_ = units;
  if (!losing_) {
    losing_ = true;
    header.lost_first.store(seq_, std::memory_order_relaxed);
    header.lost_first_units.store(units, std::memory_order_relaxed);
    header.dropping.store(1, std::memory_order_relaxed);
  }
  // Store the count last. A reader that sees it also sees the other fields, whenever the process is killed.
  header.lost_last_units.store(units, std::memory_order_relaxed);
  header.lost_count.store(lost_ - announced_, std::memory_order_release);
  SMILEY_TEST_POINT("ring.loss_counted");
}

void RingWriter::WriteLoss(std::uint64_t last_frame) {
  SegmentHeader& header = segment_->header();
  const std::uint64_t first = header.lost_first.load(std::memory_order_relaxed);
  const std::uint64_t count = lost_ - announced_;
  Enter(first, last_units_, last_frame);
  Put(EventWord(Kind::kLost, 0, 0, 0));
  Put(AttachmentWord(Kind::kLoss, 0, 0, 4 * kWordBytes));
  Put(first);
  Put(count);
  Put(header.lost_first_units.load(std::memory_order_relaxed));
  Put(last_units_);
  announced_ = lost_;
  SMILEY_TEST_POINT("ring.loss_ready");
  write_pos_->store(lap_ + static_cast<std::uint64_t>(cursor_ - words_), SMILEY_PUBLISH_ORDER);
  SMILEY_TEST_POINT("ring.loss_written");
  // Clear the header only now. If the process is killed before, the loss is in both places, and readers recognize it
  // by its first seq.
  header.lost_count.store(0, std::memory_order_release);
  header.dropping.store(0, std::memory_order_relaxed);
  losing_ = false;
  ++epoch_;
  SMILEY_TEST_POINT("ring.loss_cleared");
}

}  // namespace smiley::shm
