// Thread rule: a Segment belongs to one thread at a time; what it maps is shared as format.h says.
//
// One shared-memory mapping (a ring or a catalogue) through Boost.Interprocess: a shared_memory_object when it
// fits into the budget, else a file of the same format under the home's segments/ directory.
//
// Names: "smiley.<home id>.<run id>.<pid>.<c|r><index>.<8 random hex>". Mode 0600, created exclusively.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shm/base/home.h"
#include "shm/base/identity.h"
#include "shm/base/status.h"
#include "shm/clock.h"
#include "shm/format.h"

namespace smiley::shm {

// The facts that all segments of one traced process share.
struct SegmentOwner {
  Home home;
  std::string run;  // run id
  ProcessIdentity identity;
  std::uint64_t process_token = 0;  // random; identifies a process image, also after an exec or a reuse of the pid
  Clock clock;
  std::int64_t wall_minus_mono_ns = 0;  // wall clock minus CLOCK_MONOTONIC
};

struct SegmentOptions {
  SegmentKind kind = SegmentKind::kRing;
  std::uint32_t index = 0;
  std::size_t data_bytes = 0;       // beyond the header; rings: a power-of-two number of blocks
  OnFull on_full = OnFull::kBlock;  // rings
};

class Segment {
 public:
  // Creates a segment in shared memory, or under SegmentDir() when shared memory is full or its budget (half of the
  // free memory) is reached. The state becomes kLive before the return. kNoSpace: neither has room. A failure leaves
  // no file. A forked child inherits the mapping and must Abandon() it.
  static Result<std::unique_ptr<Segment>> Create(const SegmentOwner& owner, const SegmentOptions& options);

  // Maps the segment of another process for reading, and for writing the consumer's own words. Checks before the
  // mapping: regular file, our uid, mode 0600, size. Checks after it: magic, version, kind, home, sizes. Errors:
  // kForeign, kVersion, kDamaged, kNotFound, and kBusy while the owner still creates it. An owner that is killed then
  // leaves it in this state; ParseName gives the owner's pid. Never creates a file, never follows a symbolic link.
  struct Found {
    std::string name;
    bool in_file = false;  // under SegmentDir() rather than in shared memory
  };
  static Result<std::unique_ptr<Segment>> Open(const Home& home, const Found& found);
  // The names of all segments of this home, in shared memory and in SegmentDir(), unsorted. Opens none.
  static std::vector<Found> List(const Home& home);
  // Removes the name. Mappings stay valid. Ok also when the name does not exist.
  static Status Remove(const Home& home, const Found& found);
  // The parts of a name, which any process of the user may have chosen. nullopt: not a segment's name.
  struct NameParts {
    std::string run;
    std::uint32_t pid = 0;
    SegmentKind kind = SegmentKind::kRing;
    std::uint32_t index = 0;
  };
  static std::optional<NameParts> ParseName(const std::string& name);

  ~Segment();  // unmaps, and does not remove the name
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  SegmentHeader& header() { return *header_; }
  const SegmentHeader& header() const { return *header_; }
  unsigned char* data() { return data_; }                 // header().bytes - kSegmentHeaderBytes bytes
  std::size_t data_bytes() const { return data_bytes_; }  // as checked by Open; the header may change later
  const Found& found() const { return found_; }
  ProcessIdentity OwnerIdentity() const;
  // Marks that the owner will write nothing more here.
  void MarkClosed();
  // In a forked child: unmaps the parent's segment without writing to it.
  void Abandon();

 private:
  Segment() = default;
  Status MapShared(const std::string& name, std::size_t bytes);
  Status MapFile(const std::string& path, std::size_t bytes);
  void TakeMapping();
  struct Mapping;
  std::unique_ptr<Mapping> mapping_;
  SegmentHeader* header_ = nullptr;
  unsigned char* data_ = nullptr;
  std::size_t data_bytes_ = 0;
  Found found_;
};

}  // namespace smiley::shm
