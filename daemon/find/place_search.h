// Thread rule: a PlaceSearch belongs to one thread at a time.
//
// Finds the position of the event that a place, as people write it, refers to. It reads in steps.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/find/position.h"
#include "daemon/find/position_search.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

class PlaceSearch {
 public:
  // `thread`: only events of this thread count. nullopt: all threads count; "start" and "end" are those of the first.
  static Result<std::unique_ptr<PlaceSearch>> Open(Archive& archive, const RunInfo& run, const PlaceInRun& place,
                                                   std::optional<std::uint32_t> thread);
  // Searches for about Producer::kStepTime. True: position() is the event. kNotFound: there is no such event.
  Result<bool> Step();
  const Position& position() const { return position_; }
  std::uint64_t chunks_read() const;
  std::uint64_t chunks_skipped() const;

 private:
  Status Add(Archive& archive, const std::string& run, const ThreadInfo& thread, const Wanted& wanted,
             ThreadSearch::Direction direction);
  Status NotFound() const;
  Status LookOutside();

  PlaceInRun place_;
  std::string run_;
  Position position_;
  std::uint64_t count_ = 0;  // executions of the line found so far
  struct Head {
    std::unique_ptr<ThreadSearch> search;
    bool asked = false;
  };
  std::vector<Head> heads_;
  Archive* archive_ = nullptr;
  Wanted wanted_;
  std::vector<ThreadInfo> searched_;
  // Set for an exception that no recorded code raised: the thread whose callers it passed, and the number of open
  // frames where it was first recorded.
  bool outside_ = false;
  Head* chain_ = nullptr;
  std::uint32_t open_ = 0;
  std::uint64_t earlier_read_ = 0;
  static constexpr std::uint64_t kBetweenCallers = 4;  // events between the exception in a callee and in its caller
};

}  // namespace smiley::daemon
