// Thread rule: a RunReader belongs to one thread at a time.
//
// Reads the events of all threads of a run in one order.
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

// Merges threads by (time_ns, process, thread, seq).
class RunReader {
 public:
  struct Options {
    std::vector<std::uint32_t> threads;  // empty = all
    std::uint64_t from_seq = 0;          // a number above 1 needs exactly one thread (kInvalid)
  };
  static Result<std::unique_ptr<RunReader>> Open(Archive& archive, const std::string& run, const Options& options);
  ~RunReader();
  // False: the reader reached the present end of the run.
  bool Next(Event* event);
  Status status() const;  // damage that the reader met; it continued behind the damage
  // The decoder of a process, for expressions over variables that the event did not change. REQUIRES that Next gave
  // an event of the process.
  const Decoder& DecoderOf(std::uint32_t process) const;

 private:
  RunReader();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smiley::daemon
