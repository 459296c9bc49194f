// Thread rule: a Decoder belongs to one thread at a time.
//
// From pieces to events: frames, parents, depths, source positions, and the values of variables with their patches
// folded in.
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

// Decodes the pieces of one process's threads; keeps the open frames of each thread and the variables of each
// frame (frames may resume in another thread, so feed the pieces of all threads of a process by time when values
// matter; a single thread alone is right too, because tracers send full values when a frame changes threads).
class Decoder {
 public:
  explicit Decoder(std::shared_ptr<const Names> names);
  ~Decoder();
  // Starts a piece; then Next() gives its events until it returns false. A piece that does not follow the one before
  // (other seq, damaged_before) makes what is not known again `lost`. An event whose attachments go on in the
  // thread's next piece is held back until that has been started, or Finish called.
  void Start(PiecePtr piece);
  bool Next(Event* event);
  // The same with a thread named, so that pieces of several threads may be under way at once. Peek tells what Next
  // would give, without folding its changes in.
  bool Next(std::uint32_t thread, Event* event);
  bool Peek(std::uint32_t thread, std::int64_t* time_ns, std::uint64_t* seq);
  // The thread has no more pieces: true when Next has an event now that was held back.
  bool Finish(std::uint32_t thread);
  // Full state of a frame's variables as folded so far, valid until the next Next; null when the frame is not known.
  // A frame that ended is known until the next Next.
  const std::vector<std::pair<const std::string*, ValuePtr>>* Variables(std::uint64_t frame) const;
  // The open frames of a thread after the latest event, innermost first, and how many more lie below them.
  struct OpenFrame {
    std::uint64_t frame = 0;
    const CodeInfo* code = nullptr;
    std::uint32_t line = 0;  // the last line event in it, 0 = none yet
  };
  std::vector<OpenFrame> Stack(std::uint32_t thread, std::uint32_t* hidden) const;
  // An event of the thread waits for its rest in the next piece.
  bool HoldsBack(std::uint32_t thread) const;
  // Where a thread stands that has no event left to give (between two pieces) and holds none back.
  ThreadSnapshot TakeSnapshot(std::uint32_t thread) const;
  // The frames, still open or suspended, whose variables the thread changed since this was asked last. Kept from the
  // first call on, which gives all of them; one at a time, for they may be many and large.
  void TakeChangedFrames(std::uint32_t thread,
                         const std::function<void(std::uint64_t frame, const FrameSnapshot& variables)>& take);
  // Begins a thread where a snapshot was taken; Start is next given the piece behind it. `load` gives a frame's
  // variables as they were then, when they are asked for; false: nothing is known of it. REQUIRES a thread that was
  // not started.
  void Restore(const ThreadSnapshot& snapshot, FrameLoader load);
  // Words that could not be read so far (damage), and ids that no catalogue record explains.
  std::uint64_t damaged() const;
  std::uint64_t unresolved() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smiley::daemon
