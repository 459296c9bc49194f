// Thread rule: a TimelineLane belongs to one thread.
//
// Counts one lane of the timeline: the events of a thread or task in equal buckets between two instants
// (daemon/protocol/PROTOCOL.md, "timeline").
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
  // REQUIRES from_ns < to_ns, a difference that fits into 64 bits, buckets > 0.
  TimelineLane(std::int64_t from_ns, std::int64_t to_ns, std::size_t buckets);

  // True when the piece overlaps the lane's span.
  bool Touches(const Piece& piece) const { return piece.first_ns <= to_ns_ && piece.last_ns >= from_ns_; }
  // Counts a chunk by its summary, with its events spread evenly over its time. The lane is no longer exact.
  void Spread(const Piece& piece);
  // Counts the walker's present event.
  void Add(const PieceWalker& walker);
  // Appends the lane as a JSON line. `task`: the task of the lane; 0 = the lane is the whole thread's.
  void Append(std::string* out, const ThreadInfo& thread, std::uint32_t task) const;

 private:
  // The row of counts_. kSeq holds the first sequence number of each bucket; 0: none.
  enum Which { kEvents, kExceptions, kWrites, kLost, kSeq, kAll };
  // One event, for lanes that list their events one by one.
  struct Single {
    std::uint64_t seq = 0;
    std::int64_t time_ns = 0;
    shm::Kind kind{};
    std::uint32_t open = 0;  // number of open frames
  };
  std::size_t BucketOf(std::int64_t time) const;
  std::int64_t StartOf(std::size_t bucket) const;

  const std::int64_t from_ns_, to_ns_;
  std::array<std::vector<std::uint64_t>, kAll> counts_;  // by row and bucket
  std::vector<Single> single_;  // the first events; listed when they are all events of the lane
  bool exact_ = true;           // no chunk was counted by its summary
};

}  // namespace smiley::daemon
