// Thread rule: a TimelineLane belongs to one thread.
//
// One lane of the timeline while it is counted: the time between two instants, cut into equal buckets, and what
// happened in each of them in a thread or in a task (daemon/protocol/PROTOCOL.md, "timeline").
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/events/piece_walk.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

class TimelineLane {
 public:
  // REQUIRES from_ns < to_ns, their difference fits into 64 bits, buckets > 0.
  TimelineLane(std::int64_t from_ns, std::int64_t to_ns, std::size_t buckets);

  bool Touches(const Piece& piece) const { return piece.first_ns <= to_ns_ && piece.last_ns >= from_ns_; }
  // A chunk by its summary: its events lie evenly over its time. The lane is no longer exact.
  void Spread(const Piece& piece);
  // The event that the walker stands at.
  void Add(const PieceWalker& walker);
  // `task`: of whom the lane is, 0 = of the thread.
  void Append(std::string* out, const ThreadInfo& thread, std::uint32_t task) const;

 private:
  enum Which { kEvents, kExceptions, kWrites, kLost, kSeq, kAll };
  struct Single {
    std::uint64_t seq = 0;
    std::int64_t time_ns = 0;
    shm::Kind kind{};
    std::uint32_t open = 0;
  };
  std::size_t BucketOf(std::int64_t time) const;
  std::int64_t StartOf(std::size_t bucket) const;

  const std::int64_t from_ns_, to_ns_;
  std::array<std::vector<std::uint64_t>, kAll> counts_;
  std::vector<Single> single_;
  bool exact_ = true;
};

}  // namespace smiley::daemon
