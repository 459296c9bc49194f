// Thread rule: each object belongs to one thread at a time.
//
// The events of one recorded thread with their stacks, without values. Statistics, call trees, exceptions and flame
// graphs read it; it is many times faster than a Decoder.
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

// Turns pieces into events with their stacks.
class CallWalker {
 public:
  void Start(PiecePtr piece) { words_.Start(std::move(piece)); }
  // The next event, valid until the next call; null: another piece is needed.
  const RawEvent* Next();
  // Says that no more pieces come: an event that was held back is given now.
  void Finish() { words_.Finish(); }
  // Whether an event continues in the thread's next piece.
  bool waiting() const { return words_.waiting(); }

  // The frames open at the event, outermost first, with the frame that the event enters or leaves.
  const std::vector<WalkFrame>& stack() const { return stack_; }
  // The number of open frames further out, which are not known.
  std::uint32_t hidden() const { return hidden_; }
  // How many outermost frames of the stack were on the stack of the event before. Fewer than were open then: events
  // are missing in between.
  std::size_t kept() const { return kept_; }
  // Whether events are missing before this one. The time since the event before is then not its frame's.
  bool gap() const { return gap_; }
  std::uint32_t task() const { return task_; }  // 0 = none
  // The catalogue id of the code in which the event happened; 0 = not known.
  std::uint32_t Code(const RawEvent& event) const;
  std::uint32_t Line(const RawEvent& event) const;  // 0: the code's first line

 private:
  void Sync(const RawEvent& event);

  ThreadWords words_;
  std::vector<WalkFrame> stack_;
  std::uint32_t hidden_ = 0, task_ = 0;
  std::uint64_t last_frame_ = 0;
  std::size_t kept_ = 0;
  bool leaves_ = false;  // the event before left its frame
  bool ends_ = false;    // the event before ended the thread
  bool synced_ = false, gap_ = false, lost_ = false, taken_ = true;
};

// Walks a stored (or still growing) thread to its present end.
class ThreadWalk {
 public:
  static Result<std::unique_ptr<ThreadWalk>> Open(Archive& archive, const std::string& run, const ThreadInfo& thread,
                                                  std::uint64_t from_seq = 0);
  // From the next piece on, skips pieces without an event of these kinds (bit n: kind n); 0 = reads all pieces. The
  // event behind a skipped piece has a gap before it.
  void OnlyKinds(std::uint32_t kinds) { only_kinds_ = kinds; }
  // Null: the present end, or with OnlyKinds some skipped pieces. Call again while ended() is false.
  const RawEvent* Next();
  bool ended() const { return ended_; }
  const CallWalker& walker() const { return walker_; }
  const ThreadInfo& thread() const { return thread_; }
  const Names& names() const { return *names_; }
  Status status() const { return status_; }  // damage that the walk met; it continued behind the damage

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
  const CodeRecord* code = nullptr;  // null = not known
  std::uint32_t line = 0;
};
CodeLine CodeLineOf(const ThreadWalk& walk, const RawEvent& event);
CodeLine CodeLineOf(const Names& names, const WalkFrame& frame);

}  // namespace smiley::daemon
