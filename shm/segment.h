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

// What every segment of one traced process image shares.
struct SegmentOwner {
  Home home;
  std::string run;  // run id
  ProcessIdentity identity;
  std::uint64_t process_token = 0;
  Clock clock;
  std::int64_t wall_minus_mono_ns = 0;
};

struct SegmentOptions {
  SegmentKind kind = SegmentKind::kRing;
  std::uint32_t index = 0;
  std::size_t data_bytes = 0;       // beyond the header; rings: a power-of-two number of blocks
  OnFull on_full = OnFull::kBlock;  // rings
};

class Segment {
 public:
  // Creates a segment in shared memory, or under SegmentDir() when shared memory is full or its budget (half
  // of what is free) is reached. State becomes kLive before return. kNoSpace when neither has room; nothing
  // is left behind on failure. The mapping is MADV_DONTFORK-free: a fork's child must Abandon() it.
  static Result<std::unique_ptr<Segment>> Create(const SegmentOwner& owner, const SegmentOptions& options);

  // Maps somebody's segment for reading (and for the consumer's own words). Checks before mapping: regular
  // file, our uid, mode 0600, size; after: magic, version, kind, home, sizes. Every failure is a Status:
  // kForeign, kVersion, kDamaged, kNotFound; kBusy while its owner is still making it (an owner killed just then
  // leaves it so: ParseName tells the pid). Never creates, never follows symbolic links.
  struct Found {
    std::string name;
    bool in_file = false;  // under SegmentDir() rather than in shared memory
  };
  static Result<std::unique_ptr<Segment>> Open(const Home& home, const Found& found);
  // Every segment of this home by name, in shared memory and in SegmentDir(); unsorted; never opens them.
  static std::vector<Found> List(const Home& home);
  // Removes the name; mappings live on. Ok when it is already gone.
  static Status Remove(const Home& home, const Found& found);
  // What a name says; nothing in it is proof. nullopt: not a segment's name.
  struct NameParts {
    std::string run;
    std::uint32_t pid = 0;
    SegmentKind kind = SegmentKind::kRing;
    std::uint32_t index = 0;
  };
  static std::optional<NameParts> ParseName(const std::string& name);

  ~Segment();  // unmaps; does not remove
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  SegmentHeader& header() { return *header_; }
  const SegmentHeader& header() const { return *header_; }
  unsigned char* data() { return data_; }                 // header().bytes - kSegmentHeaderBytes bytes
  std::size_t data_bytes() const { return data_bytes_; }  // as checked at open, not as the header says later
  const Found& found() const { return found_; }
  ProcessIdentity OwnerIdentity() const;
  // The owner's last word: nothing more will be written here (a ring's thread and its process are done with it).
  void MarkClosed();
  // In a forked child: forgets the parent's mapping without touching it (munmap only).
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
