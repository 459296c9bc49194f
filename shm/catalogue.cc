#include "shm/catalogue.h"

#define XXH_INLINE_ALL  // inline, so that the traced program loads no further library
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "shm/base/mutex.h"
#include "shm/base/test_point.h"

namespace smiley::shm {
namespace {

constexpr std::size_t kPage = 4096;

std::size_t RecordSize(std::size_t payload) { return sizeof(RecordHeader) + PayloadWords(payload) * kWordBytes; }

std::uint32_t CheckOf(RecordType type, std::uint32_t id, const void* payload, std::size_t size) {
  unsigned char head[8] = {};
  std::memcpy(head, &type, sizeof type);
  std::memcpy(head + 4, &id, sizeof id);
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, head, sizeof head);
  XXH3_64bits_update(&state, payload, size);
  return static_cast<std::uint32_t>(XXH3_64bits_digest(&state));
}

}  // namespace

struct CatalogueWriter::State {
  Mutex mutex;
  SegmentOwner owner SMILEY_GUARDED_BY(mutex);
  std::vector<std::unique_ptr<Segment>> segments SMILEY_GUARDED_BY(mutex);  // records go into the last one
  std::uint64_t used SMILEY_GUARDED_BY(mutex) = 0;                          // bytes of records in the last segment

  Status AddSegment(std::size_t record) SMILEY_REQUIRES_LOCK(mutex) {
    SegmentOptions options;
    options.kind = SegmentKind::kCatalogue;
    options.index = static_cast<std::uint32_t>(segments.size());
    options.data_bytes = std::max(kCatalogueSegmentBytes, (record + kPage - 1) / kPage * kPage);
    auto made = Segment::Create(owner, options);
    if (!made.ok()) return made.status();
    segments.push_back(std::move(*made));
    if (segments.size() > 1) {
      segments[segments.size() - 2]->header().sealed.store(1, std::memory_order_release);
      SMILEY_TEST_POINT("catalogue.sealed");
    }
    used = 0;
    return Status::Ok();
  }

  Status Append(RecordType type, std::uint32_t id, std::string_view payload) SMILEY_REQUIRES_LOCK(mutex) {
    if (payload.size() > kMaxRecordBytes) return {Code::kInvalid, "a catalogue record is too large"};
    const std::size_t size = RecordSize(payload.size());
    if (segments.empty() || used + size > segments.back()->data_bytes()) {
      if (Status added = AddSegment(size); !added.ok()) return added;
    }
    Segment& segment = *segments.back();
    unsigned char* const at = segment.data() + used;
    RecordHeader header{};
    header.bytes = static_cast<std::uint32_t>(payload.size());
    header.type = type;
    header.id = id;
    header.check = CheckOf(type, id, payload.data(), payload.size());
    std::memset(at + size - kWordBytes, 0, kWordBytes);  // zeros for the padding, if there is any
    std::memcpy(at, &header, sizeof header);
    std::memcpy(at + sizeof header, payload.data(), payload.size());
    SMILEY_TEST_POINT("catalogue.record_written");
    used += size;
    segment.header().committed.store(used, std::memory_order_release);
    SMILEY_TEST_POINT("catalogue.published");
    return Status::Ok();
  }
};

Result<std::unique_ptr<CatalogueWriter>> CatalogueWriter::Create(const SegmentOwner& owner,
                                                                 std::string_view process_record) {
  std::unique_ptr<CatalogueWriter> writer(new CatalogueWriter);
  writer->state_ = std::make_unique<State>();
  State& state = *writer->state_;
  const MutexLock lock(state.mutex);
  state.owner = owner;
  if (Status made = state.Append(RecordType::kProcess, 0, process_record); !made.ok()) return made;
  return writer;
}

bool CatalogueWriter::Append(RecordType type, std::uint32_t id, std::string_view payload) {
  if (!state_) return false;
  const MutexLock lock(state_->mutex);
  return state_->Append(type, id, payload).ok();
}

void CatalogueWriter::CountUnrecorded(std::uint32_t threads, std::uint64_t events) {
  if (!state_) return;
  const MutexLock lock(state_->mutex);
  SegmentHeader& header = state_->segments.front()->header();
  header.unrecorded_threads.fetch_add(threads, std::memory_order_relaxed);
  header.unrecorded_events.fetch_add(events, std::memory_order_relaxed);
}

void CatalogueWriter::Close() {
  if (!state_) return;
  const MutexLock lock(state_->mutex);
  // Close from the last to the first. A reader that sees the first segment closed then finds the whole chain closed.
  for (auto segment = state_->segments.rbegin(); segment != state_->segments.rend(); ++segment)
    (*segment)->MarkClosed();
}

// Called in a forked child, which has no other thread.
void CatalogueWriter::Abandon() SMILEY_UNCHECKED {
  if (!state_) return;
  for (auto& segment : state_->segments) segment->Abandon();
  // Another thread of the parent may have held the lock during the fork. So the child never uses this mutex.
  static_cast<void>(state_.release());
}

CatalogueWriter::~CatalogueWriter() = default;

CatalogueReader::CatalogueReader(std::shared_ptr<Segment> segment, std::uint64_t position)
    : segment_(std::move(segment)), position_(position - position % kWordBytes) {}

CatalogueReader::Step CatalogueReader::Next(Record* record) {
  const SegmentHeader& shared = segment_->header();
  // Load `sealed` first: the writer sets it after the last record.
  const bool sealed = shared.sealed.load(std::memory_order_acquire) != 0;
  const std::uint64_t committed =
      std::min<std::uint64_t>(shared.committed.load(std::memory_order_acquire), segment_->data_bytes());
  if (position_ >= committed) return sealed ? Step::kSealed : Step::kEmpty;
  const std::uint64_t left = committed - position_;
  RecordHeader header;
  if (left < sizeof header) {
    position_ = committed;
    return Step::kDamaged;
  }
  const unsigned char* const at = segment_->data() + position_;
  std::memcpy(&header, at, sizeof header);
  if (header.bytes > kMaxRecordBytes || RecordSize(header.bytes) > left) {
    position_ = committed;  // the start of the next record is unknown
    return Step::kDamaged;
  }
  record->type = header.type;
  record->id = header.id;
  record->payload.assign(reinterpret_cast<const char*>(at) + sizeof header, header.bytes);
  position_ += RecordSize(header.bytes);
  const bool fine = header.zero == 0 && header.type >= RecordType::kProcess && header.type <= RecordType::kNote &&
                    header.check == CheckOf(header.type, header.id, record->payload.data(), header.bytes);
  return fine ? Step::kRecord : Step::kDamaged;
}

}  // namespace smiley::shm
