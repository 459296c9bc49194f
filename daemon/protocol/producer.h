// Thread rule: a Producer is used by one thread at a time (its steps may run on different threads, one after the
// other). A StepLimit and a Reply belong to one thread.
//
// The shape of an answer of daemon/protocol/PROTOCOL.md before it reaches a socket. A stream is produced step by
// step, so that the client's pace sets the pace.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "shm/base/status.h"

namespace smiley::daemon {

class Producer {
 public:
  enum class Next {
    kMore,  // call again
    kWait,  // nothing to send now: call again after a wake, or at WaitUntil()
    kDone,  // the stream has ended
  };
  virtual ~Producer() = default;
  // Appends the next part of the stream to *out: about kStepBytes, in about kStepTime. An error ends the stream.
  virtual Result<Next> Step(std::string* out) = 0;
  // After kWait: when to call Step again although no wake came; nullopt: only after a wake.
  virtual std::optional<std::chrono::steady_clock::time_point> WaitUntil() const { return std::nullopt; }
  // Members of the end line, for example "\"events\":5"; may be empty.
  virtual std::string EndMembers() const { return {}; }

  static constexpr std::size_t kStepBytes = 96 * 1024;
  static constexpr std::chrono::milliseconds kStepTime{10};
};

// Decides when a step has produced or lasted enough. Reads the clock at every 64th call only.
class StepLimit {
 public:
  StepLimit() : end_(std::chrono::steady_clock::now() + Producer::kStepTime) {}
  bool Reached(const std::string& out) {
    if (out.size() >= Producer::kStepBytes) return true;
    return (++calls_ & 63) == 0 && std::chrono::steady_clock::now() >= end_;
  }

 private:
  std::chrono::steady_clock::time_point end_;
  unsigned calls_ = 0;
};

// The answer to one request: an error, one line, or one line and a stream.
struct Reply {
  Status status;                     // not ok: the answer is this error
  std::string members;               // members of the answer line, after "ok":true; may be empty
  std::unique_ptr<Producer> stream;  // null: the answer line is the whole answer
  bool binary = false;               // the stream is sent as frames, not as lines
};
inline Reply Refuse(Status status) {
  Reply reply;
  reply.status = std::move(status);
  return reply;
}

}  // namespace smiley::daemon
