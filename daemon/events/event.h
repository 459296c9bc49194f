// Thread rule: a plain value; any thread.
//
// One event as a client sees it: its frame, depth, source line, and the values of the variables that it changed.
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
  std::uint32_t process = 0, thread = 0;  // numbers in the run
  std::uint64_t seq = 0;                  // of its thread, from 1; kLost: the first that was lost
  std::int64_t time_ns = 0;
  shm::Kind kind{};
  const CodeRecord* code = nullptr;     // null: the event has no frame, or its code is unknown after a loss
  std::uint32_t line = 0;               // 0 = none, or not known
  std::uint64_t frame = 0, parent = 0;  // 0 = none
  std::uint32_t depth = 0;              // frames outside of the event's own
  std::uint32_t task = 0;               // 0 = none
  bool propagated = false;
  // Variables with their full values after this event, in the order recorded. The decoder shares these values; they
  // never change.
  std::vector<std::pair<const std::string*, ValuePtr>> changed;
  // The value returned, yielded or sent, the text written, or the name of a mark or C function; null = absent.
  ValuePtr value;
  std::string exception_type, exception_message;  // type empty = absent
  std::uint64_t lost_count = 0;                   // kLost: how many events
  std::int64_t lost_first_ns = 0, lost_last_ns = 0;
};

}  // namespace smiley::daemon
