// Thread rule: a Decoder belongs to one thread at a time.
//
// Turns pieces into events with frames, parents, depths and source lines. Patches are already applied to the values
// of variables.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/events/event.h"
#include "daemon/events/snapshot.h"
#include "daemon/run/archive.h"
#include "daemon/run/piece.h"
#include "daemon/value/value.h"

namespace smiley::daemon {

// Decodes the pieces of the threads of one process. Keeps the open frames of each thread and the variables of each
// frame. A frame may resume in another thread: feed the pieces of all threads by time. A single thread alone gives
// right values too, because the tracer sends full values when a frame changes threads.
class Decoder {
 public:
  explicit Decoder(std::shared_ptr<const Names> names);
  ~Decoder();
  // Starts a piece; then Next() gives its events until it returns false. When the piece does not follow the one
  // before (another seq, damaged_before), values that are not known any more become `lost`. An event may continue in
  // the thread's next piece. It is held back until Start gets that piece or Finish is called.
  void Start(PiecePtr piece);
  bool Next(Event* event);
  // Next for a named thread, so that pieces of several threads can be decoded side by side. Peek reports the event
  // that Next would give, and applies nothing.
  bool Next(std::uint32_t thread, Event* event);
  bool Peek(std::uint32_t thread, std::int64_t* time_ns, std::uint64_t* seq);
  // Says that the thread has no more pieces. True: Next now gives an event that was held back.
  bool Finish(std::uint32_t thread);
  // The values of all variables of a frame after the latest event, valid until the next call of Next. Null: the frame
  // is not known. A frame that ended stays known until the next call of Next.
  const std::vector<std::pair<const std::string*, ValuePtr>>* Variables(std::uint64_t frame) const;
  // The open frames of a thread after the latest event, innermost first. `*hidden` gets the number of open frames
  // further out, which are not known.
  struct OpenFrame {
    std::uint64_t frame = 0;
    const CodeRecord* code = nullptr;
    std::uint32_t line = 0;  // the last line event in it, 0 = none yet
  };
  std::vector<OpenFrame> Stack(std::uint32_t thread, std::uint32_t* hidden) const;
  // Whether an event of the thread continues in the next piece, which has not been started.
  bool HoldsBack(std::uint32_t thread) const;
  // The state of a thread after the latest event that Next gave. While an event is held back, only next_seq is right.
  ThreadSnapshot TakeSnapshot(std::uint32_t thread) const;
  // Calls `take` for each open or suspended frame whose variables the thread changed since the last call. The first
  // call takes all frames. Only one frame is unpacked at a time, because frames may be many and large.
  void TakeChangedFrames(std::uint32_t thread,
                         const std::function<void(std::uint64_t frame, const FrameSnapshot& variables)>& take);
  // Begins a thread at a snapshot. Start gets the piece behind the snapshot next. `load` is called when a frame's
  // variables are needed. REQUIRES a thread that was not started.
  void Restore(const ThreadSnapshot& snapshot, FrameLoader load);
  // How many words could not be read so far, and how many ids no catalogue record explains.
  std::uint64_t damaged() const;
  std::uint64_t unresolved() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smiley::daemon
