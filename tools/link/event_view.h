// Thread rule: EventView is a plain value; an EventParser belongs to one thread.
//
// An event, parsed from the daemon's JSON object. Values stay JSON text until they are shown, because most events of
// a fast program are never shown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shm/base/status.h"
#include "shm/format.h"

namespace smiley::tools {

struct EventView {
  std::uint32_t process = 0, thread = 0;
  std::uint64_t seq = 0;                                     // number of the event in its thread, from 1
  std::int64_t time_ns = 0;                                  // wall clock
  shm::Kind kind = shm::Kind::kPad;                          // kPad: a kind that this version does not know
  std::uint32_t source = 0;                                  // 0 = none
  std::string file, function;                                // empty = the event is in no frame
  std::uint32_t line = 0;                                    // 0 = none
  std::uint64_t frame = 0;                                   // 0 = none
  std::uint32_t depth = 0;                                   // recorded frames below this one
  std::uint32_t task = 0;                                    // 0 = none
  bool propagated = false;                                   // of raise: the exception came from a callee
  std::vector<std::pair<std::string, std::string>> changed;  // name and JSON text of the value
  std::string value;                                         // JSON text; empty = absent
  std::string exception_type, exception_message;             // empty type = absent
  std::uint64_t lost = 0;                                    // of lost: number of lost events
  std::int64_t lost_first_ns = 0, lost_last_ns = 0;
  std::string text;  // the source line; empty = the daemon did not send it
  std::string name;  // of thread_start, task, mark, c_call …: the name of the thread, task, mark or function
};

// One line of a stream: an event, or another object that `type` names ("run", "gap", "end", …).
struct StreamObject {
  std::string type;
  EventView event;            // type "event"
  std::uint64_t skipped = 0;  // type "gap": number of skipped events
};

class EventParser {
 public:
  EventParser();
  ~EventParser();
  // kDamaged: the line is not an object of the contract. Unknown fields are ignored.
  Status Parse(std::string_view line, StreamObject* out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Formats the JSON text of a value as one clean, Python-like line of about `width` columns.
std::string DisplayJson(const std::string& json, std::size_t width);

}  // namespace smiley::tools
