// Thread rule: CatalogueWriter is safe from any thread of the traced process, but not in a signal handler, because it
// locks. CatalogueReader belongs to one thread.
//
// A catalogue is an append-only table of records (format.h: RecordHeader) in a chain of segments. Ids in rings refer
// to its records. A record is published (release store of `committed`) before the first event that refers to it. A
// full segment is sealed, and the next one (index + 1) begins. A record never spans segments.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "shm/base/status.h"
#include "shm/format.h"
#include "shm/segment.h"

namespace smiley::shm {

inline constexpr std::size_t kCatalogueSegmentBytes = 1u << 20;  // larger when one record needs it

class CatalogueWriter {
 public:
  // Creates the first segment and writes the process record (a CBOR map, FORMAT.md).
  static Result<std::unique_ptr<CatalogueWriter>> Create(const SegmentOwner& owner, std::string_view process_record);
  // Publishes a record. False: there is no room for a segment. The caller then stops recording the events that need
  // the record.
  bool Append(RecordType type, std::uint32_t id, std::string_view payload);
  // Counts threads that got no ring, and their events, so that produced = stored + lost holds.
  void CountUnrecorded(std::uint32_t threads, std::uint64_t events);
  void Close();    // sets the segments' state to kClosed, at a clean end
  void Abandon();  // in a forked child: unmaps the parent's segments without writing to them
  ~CatalogueWriter();

 private:
  CatalogueWriter() = default;
  struct State;
  std::unique_ptr<State> state_;
};

// Reads one catalogue segment and trusts none of its bytes: copies each record, then checks its bounds and check sum.
class CatalogueReader {
 public:
  struct Record {
    RecordType type;
    std::uint32_t id;
    std::string payload;
  };
  // `position`: the offset to begin at, in bytes from the start of the data: 0, or a stored position().
  CatalogueReader(std::shared_ptr<Segment> segment, std::uint64_t position);
  // Each step but kEmpty and kSealed advances position(). kDamaged: one record was skipped, or all published records
  // when its size is impossible. *record is then undefined.
  // kSealed: all records are read, and the next segment exists.
  enum class Step { kRecord, kEmpty, kSealed, kDamaged };
  Step Next(Record* record);
  std::uint64_t position() const { return position_; }
  Segment& segment() { return *segment_; }

 private:
  std::shared_ptr<Segment> segment_;
  std::uint64_t position_;
};

}  // namespace smiley::shm
