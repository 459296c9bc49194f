// Thread rule: a StateReader belongs to one thread at a time.
//
// One thread of a run as it stood at one event: its open frames and their variables as recorded last.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/events/decoder.h"
#include "daemon/events/event.h"
#include "daemon/find/position.h"
#include "daemon/run/archive.h"

namespace smiley::daemon {

class StateReader {
 public:
  struct Frame {
    std::uint64_t frame = 0;
    const CodeInfo* code = nullptr;  // null: not known
    std::uint32_t line = 0;          // where it stands
    std::uint32_t depth = 0;
  };
  // kNotFound: the run has no such thread or event.
  static Result<std::unique_ptr<StateReader>> Open(Archive& archive, const std::string& run,
                                                   const Position& position);
  // Reads for about Producer::kStepTime. True: it stands at the event.
  Result<bool> Step();

  // ---- after Step gave true
  const Event& event() const { return event_; }
  // Innermost first. A frame that the event leaves is still there.
  const std::vector<Frame>& frames() const { return frames_; }
  std::uint32_t hidden() const { return hidden_; }  // more open frames below, of which nothing is known
  // Null: nothing is known of the frame's variables.
  const std::vector<std::pair<const std::string*, ValuePtr>>* Variables(std::uint64_t frame) const {
    return decoder_->Variables(frame);
  }
  const ThreadInfo& thread() const { return thread_; }
  std::uint64_t chunks_read() const { return read_; }

 private:
  StateReader() = default;
  void TakeStack();
  ThreadInfo thread_;
  Position position_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<PieceCursor> cursor_;
  Event event_;
  std::vector<Frame> frames_;
  std::uint32_t hidden_ = 0;
  std::uint64_t read_ = 0;
  bool there_ = false;
};

}  // namespace smiley::daemon
