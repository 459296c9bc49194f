// Thread rule: a plain value; any thread.
//
// One event as a client sees it: frame, depth, source position, and the values of the variables that it changed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "daemon/run/archive.h"
#include "daemon/value/value.h"
#include "shm/format.h"

namespace smiley::daemon {

struct Event {
  std::uint32_t process = 0, thread = 0;
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  shm::Kind kind{};
  const CodeInfo* code = nullptr;  // null: not a frame's event, or unknown after a loss
  std::uint32_t line = 0;
  std::uint64_t frame = 0, parent = 0;  // 0 = none
  std::uint32_t depth = 0;
  std::uint32_t task = 0;  // 0 = none
  bool propagated = false;
  // Full values after this event, in the order recorded. Shared with the decoder; never changed afterwards.
  std::vector<std::pair<const std::string*, ValuePtr>> changed;
  ValuePtr value;  // returned, yielded, sent; text written; the name of a mark or C function;
                   // null pointer = absent
  std::string exception_type, exception_message;  // type empty = absent
  std::uint64_t lost_count = 0;                   // kLost
  std::int64_t lost_first_ns = 0, lost_last_ns = 0;
};

}  // namespace smiley::daemon
