// Thread rule: a StateReader belongs to one thread at a time.
//
// The state of one thread at one event: its open frames and the latest recorded values of their variables.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/events/decoder.h"
#include "daemon/events/event.h"
#include "daemon/find/position.h"
#include "daemon/run/archive.h"
#include "shm/base/requires.h"

namespace smiley::daemon {

class StateReader {
 public:
  struct Frame {
    std::uint64_t frame = 0;
    const CodeRecord* code = nullptr;  // null = not known
    std::uint32_t line = 0;            // the line that the frame executes; 0 = not known
    std::uint32_t depth = 0;           // frames further out
  };
  // kNotFound: the run has no such thread or event.
  static Result<std::unique_ptr<StateReader>> Open(Archive& archive, const std::string& run,
                                                   const Position& position);
  // Reads for about Producer::kStepTime. True: the reader has reached the event.
  Result<bool> Step();

  // ---- REQUIRES that Step returned true
  const Event& event() const {
    SMILEY_REQUIRES(there_);
    return event_;
  }
  // The open frames, innermost first, with the frame that the event leaves.
  const std::vector<Frame>& frames() const {
    SMILEY_REQUIRES(there_);
    return frames_;
  }
  std::uint32_t hidden() const { return hidden_; }  // open frames further out, not known
  // Null: the frame's variables are not known.
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
