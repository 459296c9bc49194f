// Thread rule: each object belongs to one thread at a time.
//
// The calls of one recorded thread without its values: every event with the stack that it happened in. What
// statistics, call trees, exceptions and flame graphs are made of, many times faster than a Decoder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/events/thread_words.h"
#include "daemon/run/archive.h"
#include "shm/base/status.h"

namespace smiley::daemon {

struct WalkFrame {
  std::uint64_t frame = 0;
  std::uint32_t code = 0, line = 0;
};

// From pieces to events with their stacks.
class CallWalker {
 public:
  void Start(PiecePtr piece) { words_.Start(std::move(piece)); }
  // The next event, or null: another piece is needed. Valid until the next call.
  const RawEvent* Next();
  // No more pieces come: an event that was held back is given now.
  void Finish() { words_.Finish(); }
  // An event's attachments go on in the thread's next piece.
  bool waiting() const { return words_.waiting(); }

  // The frames open at the event, outermost first: with the one that it enters, still with the one that it leaves.
  const std::vector<WalkFrame>& stack() const { return stack_; }
  // Open frames further out of which nothing is known.
  std::uint32_t hidden() const { return hidden_; }
  // How many outermost frames of the stack are those of the event before; fewer than were open then when something is
  // missing in between.
  std::size_t kept() const { return kept_; }
  // Something is missing before the event: the time between them is not its frame's.
  bool gap() const { return gap_; }
  std::uint32_t task() const { return task_; }  // 0 = none
  // Where the event happened; 0 when it is not known. `code` is a catalogue id.
  std::uint32_t Code(const RawEvent& event) const;
  std::uint32_t Line(const RawEvent& event) const;  // 0: the code's first line

 private:
  void Sync(const RawEvent& event);

  ThreadWords words_;
  std::vector<WalkFrame> stack_;
  std::uint32_t hidden_ = 0, task_ = 0;
  std::uint64_t last_frame_ = 0;
  std::size_t kept_ = 0;
  bool leaves_ = false;  // the event before took its frame from the stack
  bool ends_ = false;    // ... and a thread_end all of them
  bool synced_ = false, gap_ = false, lost_ = false, taken_ = true;
};

// Walks a stored (or still growing) thread to its present end.
class ThreadWalk {
 public:
  static Result<std::unique_ptr<ThreadWalk>> Open(Archive& archive, const std::string& run, const ThreadInfo& thread,
                                                  std::uint64_t from_seq = 0);
  // From the next piece on, those without an event of these kinds (bit n: kind n) are passed over; 0 = all are read.
  // What follows a piece that was passed over has a gap before it.
  void OnlyKinds(std::uint32_t kinds) { only_kinds_ = kinds; }
  // Null at the present end; with OnlyKinds also after passing over some pieces (ended() is false then: call again).
  const RawEvent* Next();
  bool ended() const { return ended_; }
  const CallWalker& walker() const { return walker_; }
  const ThreadInfo& thread() const { return thread_; }
  const Names& names() const { return *names_; }
  Status status() const { return status_; }  // damage met on the way; the walk went on behind it

 private:
  ThreadWalk() = default;
  ThreadInfo thread_;
  std::shared_ptr<const Names> names_;
  std::unique_ptr<PieceCursor> cursor_;
  CallWalker walker_;
  std::uint32_t only_kinds_ = 0;
  bool ended_ = false;
  Status status_;
};

// The code and the line at which an event happened, as every answer shows them.
struct CodeLine {
  const CodeInfo* code = nullptr;  // null = not known
  std::uint32_t line = 0;
};
CodeLine CodeLineOf(const ThreadWalk& walk, const RawEvent& event);
CodeLine CodeLineOf(const Names& names, const WalkFrame& frame);

}  // namespace smiley::daemon
