// Thread rule: a Segment belongs to one thread at a time; other processes share the mapping, by the rules of
// format.h.
//
// One mapping of a ring or a catalogue, through Boost.Interprocess. It is a shared_memory_object when it fits into
// the budget, else a file of the same format under the home's segments/ directory.
//
// The name is "smiley.<home id>.<run id>.<pid>.<c|r><index>.<8 random hex digits>", the mode 0600. Creation is
// exclusive.
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
  std::int64_t wall_minus_mono_ns = 0;  // CLOCK_REALTIME - CLOCK_MONOTONIC at the run's start
};

struct SegmentOptions {
  SegmentKind kind = SegmentKind::kRing;
  std::uint32_t index = 0;          // from 0; ring: order of creation; catalogue: place in the chain
  std::size_t data_bytes = 0;       // size without the header; ring: a power-of-two number of blocks
  OnFull on_full = OnFull::kBlock;  // ring: policy for a full ring
};

class Segment {
 public:
  // Creates a segment in shared memory, or under SegmentDir() when shared memory is full or its budget (half of the
  // free memory) is reached. The state becomes kLive before the return. kNoSpace: neither has room. A failure leaves
  // no file. A forked child inherits the mapping and must Abandon() it.
  static Result<std::unique_ptr<Segment>> Create(const SegmentOwner& owner, const SegmentOptions& options);

  // Maps the segment of another process for reading, and for writing the consumer's members of the header. Checks
  // before the mapping: regular file, the caller's uid, mode 0600, size. Checks after it: magic, version, kind, home,
  // sizes. Errors: kForeign, kVersion, kDamaged, kNotFound, and kBusy while the owner still creates the segment. An
  // owner that is killed then leaves it in this state; ParseName gives the owner's pid. Never creates a file, never
  // follows a symbolic link.
  struct Found {
    std::string name;
    bool in_file = false;  // under SegmentDir() rather than in shared memory
  };
  static Result<std::unique_ptr<Segment>> Open(const Home& home, const Found& found);
  // The names of all segments of this home, in shared memory and in SegmentDir(), unsorted. Opens none.
  static std::vector<Found> List(const Home& home);
  // Removes the name. Mappings stay valid. Ok also when the name does not exist.
  static Status Remove(const Home& home, const Found& found);
  // The parts of a name. Any process of the user can choose a name, so they are only a hint. nullopt: not a segment's
  // name.
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
  std::size_t data_bytes() const { return data_bytes_; }  // size at the mapping; the header may change later
  const Found& found() const { return found_; }
  ProcessIdentity OwnerIdentity() const;
  // Sets the state to kClosed: the owner writes nothing more to this segment.
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
