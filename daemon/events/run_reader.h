// Thread rule: a RunReader belongs to one thread at a time.
//
// The events of a whole run, of all its threads, in one order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/events/decoder.h"
#include "daemon/events/event.h"
#include "daemon/run/archive.h"
#include "shm/base/status.h"

namespace smiley::daemon {

// Merges the threads of a run by (time_ns, process, thread, seq).
class RunReader {
 public:
  struct Options {
    std::vector<std::uint32_t> threads;  // empty = all
    std::uint64_t from_seq = 0;          // only with exactly one thread
  };
  static Result<std::unique_ptr<RunReader>> Open(Archive& archive, const std::string& run, const Options& options);
  ~RunReader();
  // False at the present end of the run. The event stays valid until the next call.
  bool Next(Event* event);
  Status status() const;  // damage met on the way; reading went on behind it
  // The state of the event's process, for expressions over variables that did not change at this event.
  // REQUIRES that an event of the process was given.
  const Decoder& DecoderOf(std::uint32_t process) const;

 private:
  RunReader();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smiley::daemon
