// Thread rule: a Producer is used by one thread at a time (steps of one may run on different threads, one after the
// other). Answer() and the functions that make producers may be called from any thread; they may read the disk.
//
// What the requests of daemon/protocol/PROTOCOL.md ask for, apart from sockets: one-line answers, and producers that
// make a stream piece by piece, so that the client's pace sets the pace.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "daemon/protocol/request.h"
#include "daemon/query/services.h"
#include "shm/base/status.h"

namespace smiley::daemon {

class Producer {
 public:
  enum class Next {
    kMore,  // call again
    kWait,  // nothing to say now: call again after a wake, or at WaitUntil()
    kDone,  // the stream has ended
  };
  virtual ~Producer() = default;
  // Appends what comes next to *out (about kStepBytes), in about kStepTime at most. An error ends the stream.
  virtual Result<Next> Step(std::string* out) = 0;
  // When to look again although nobody woke us.
  virtual std::optional<std::chrono::steady_clock::time_point> WaitUntil() const { return std::nullopt; }
  // Members of the end line, e.g. "\"events\":5"; may be empty.
  virtual std::string EndMembers() const { return {}; }

  static constexpr std::size_t kStepBytes = 96 * 1024;
  static constexpr std::chrono::milliseconds kStepTime{10};
};

// Says when a step has lasted long enough; looks at the clock only now and then.
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

// What a request leads to.
struct Reply {
  Status status;                     // not ok: the answer is this error
  std::string members;               // members of the answer, after "ok":true
  std::unique_ptr<Producer> stream;  // null: the answer is all
  bool binary = false;
};
inline Reply Refuse(Status status) {
  Reply reply;
  reply.status = std::move(status);
  return reply;
}

// hello, status, runs, run, processes, threads, tasks, sources, replay, state, step, when, why, tail, export, check,
// reindex, delete, pin, begin, stop. (finish and import are conversations: the session leads them.) `wake` is what a
// waiting producer calls; it may be called from any thread and as long as the producer lives.
Reply AnswerRequest(const Services& services, const Request& request, std::function<void()> wake);

// Selected by op; null stream and a status where the request is wrong.
Reply MakeReplay(const Services& services, const Request& request);
Reply MakeForward(const Services& services, const Request& request);
Reply MakeTail(const Services& services, const Request& request, std::function<void()> wake);

}  // namespace smiley::daemon
