// Thread rule: a PlaceSearch belongs to one thread at a time.
//
// From a place as people write it to the position of an event: reads what it must in steps.
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
  // `thread`: only events of this thread count; without one, "start" and "end" are those of the first thread.
  static Result<std::unique_ptr<PlaceSearch>> Open(Archive& archive, const RunInfo& run, const PlaceInRun& place,
                                                   std::optional<std::uint32_t> thread);
  // True: position() is the place. kNotFound: there is no such event.
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
  std::uint64_t count_ = 0;  // of executions passed
  struct Head {
    std::unique_ptr<ThreadSearch> search;
    bool asked = false;
  };
  std::vector<Head> heads_;
  Archive* archive_ = nullptr;
  Wanted wanted_;
  std::vector<ThreadInfo> searched_;
  // An exception that no recorded code raised: the thread whose callers it went through, and the open frames where it
  // was met.
  bool outside_ = false;
  Head* chain_ = nullptr;
  std::uint32_t open_ = 0;
  std::uint64_t earlier_read_ = 0;
  static constexpr std::uint64_t kBetweenCallers = 4;  // events from where it is met in a callee to its caller's
};

}  // namespace smiley::daemon
