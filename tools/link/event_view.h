// Thread rule: EventView is a plain value; an EventParser belongs to one thread.
//
// An event as it comes from the daemon (the contract's JSON object), read for showing to people. Values stay JSON
// text until they are shown: most events of a fast program never are.
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
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  shm::Kind kind = shm::Kind::kPad;
  std::uint32_t source = 0;  // 0 = none
  std::string file, function;
  std::uint32_t line = 0;
  std::uint64_t frame = 0;  // 0 = none
  std::uint32_t depth = 0;
  std::uint32_t task = 0;
  bool propagated = false;
  std::vector<std::pair<std::string, std::string>> changed;  // name, value as JSON text
  std::string value;                                         // JSON text; empty = absent
  std::string exception_type, exception_message;             // type empty = absent
  std::uint64_t lost = 0;                                    // of a lost event: how many
  std::int64_t lost_first_ns = 0, lost_last_ns = 0;
  std::string text;  // the source line, when the daemon sent it
  std::string name;  // thread_start, task, mark, c_call …: what it is called
};

// What a line of a stream is: an event or one of the objects around it. `type` is "event", "run", "gap", "end", …
struct StreamObject {
  std::string type;
  EventView event;            // type "event"
  std::uint64_t skipped = 0;  // type "gap"
};

class EventParser {
 public:
  EventParser();
  ~EventParser();
  // kDamaged when the line is no object of the contract. Unknown fields are passed over; an event of a kind that this
  // version does not know has kind kPad.
  Status Parse(std::string_view line, StreamObject* out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A value's JSON text as one Python-like line of about `width` columns, free of control characters.
std::string DisplayJson(const std::string& json, std::size_t width);

}  // namespace smiley::tools
