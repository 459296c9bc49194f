// Thread rule: a ThreadRecorder belongs to one thread and is used with the GIL held.
//
// Writes events into a thread's ring. A hook source decides what happened and calls Enter, Line, Leave or Raise; the
// recorder follows the frames and decides which values are written.
#pragma once

#include <Python.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shm/ring_writer.h"
#include "tracer/code/code_info.h"
#include "tracer/interp/interp.h"
#include "tracer/recorder/process.h"
#include "tracer/recorder/tasks.h"
#include "tracer/shadow/shadow.h"
#include "tracer/values/encoder.h"

namespace smiley::tracer {

// One recorded activation of a function, from its first event to its return or unwind.
struct FrameEntry {
  void* key = nullptr;
  CodeInfo* code = nullptr;
  PyCodeObject* object = nullptr;  // borrowed: the frame holds it while it is open
  std::uint64_t id = 0;            // frame number of the process
  std::uint32_t line = 0;          // line of the last event; 0: none yet
  std::uint32_t epoch = 0;         // the ring's epoch in which the shadows were last updated
  std::uint32_t thread = 0;        // serial of the recorder in which it ran last
  bool raised = false;             // an exception was raised or is passing, and no handler has begun
  bool rejoined = false;           // it ran before its thread was recorded: all values are sent at its next line
  std::vector<Shadow> shadows;     // one for each slot of the code
  struct Handled {
    PyObject* exception;
    std::string cbor;
  };
  std::vector<Handled> handled;  // exceptions whose handlers are running, innermost last; compared only
  std::string exception;         // [type, message] of the last raise in this frame
  PyObject* raising = nullptr;   // the exception of that raise, compared only
};

enum class Entry { kCall, kResume, kGoOn, kThrow };  // kGoOn: resumed without a sent value
enum class Exit { kReturn, kYield, kUnwind };

class ThreadRecorder final : public shm::OpenFrames {
 public:
  // The calling thread's recorder, allocated at its first event; null when recording is off.
  static ThreadRecorder* Current() {
    ThreadRecorder* self = current_;
    return self != nullptr && self->turn_ == Process::turn() ? self : FindCurrent();
  }

  // Records that a frame begins or continues. `thrown`: the exception of a throw, else null.
  void Enter(const SmileyFrame& frame, CodeInfo* code, Entry entry, PyObject* thrown);
  void Line(const SmileyFrame& frame, std::uint32_t line);
  // A frame ends or yields. `value`: returned or yielded, null for an unwind. `exception`: of an unwind; null: that
  // of the frame's last raise.
  void Leave(const SmileyFrame& frame, Exit exit, PyObject* value, PyObject* exception);
  void Raise(const SmileyFrame& frame, PyObject* exception, bool propagated, bool handled_by_loop);

  // Records an event that belongs to no frame (output, a mark, a task) in the innermost recorded frame.
  struct Part {
    shm::Kind kind;
    std::uint32_t id;
    std::string_view bytes;
  };
  void RecordInFrame(shm::Kind kind, std::uint32_t id, std::span<const Part> parts);
  std::size_t open_frames() const { return stack_.size(); }

  // Begins recording if it waits for this place (--start-at). `line` 0: the frame is being called. False: it does not
  // begin here.
  static bool TryToBegin(const SmileyFrame& frame, std::uint32_t line);

  // Whether the innermost recorded frame is the one with this key.
  bool IsTop(void* key) const { return !stack_.empty() && stack_.back()->key == key; }
  // Whether the key is that of a generator's frame that waits behind a yield.
  static bool IsSuspended(void* key);
  // The code of a recorded frame of this thread; null when the frame is not recorded.
  const CodeInfo* TopCode(void* key) const {
    for (std::size_t i = stack_.size(); i-- > 0;) {
      if (stack_[i]->key == key) return stack_[i]->code;
    }
    return nullptr;
  }
  std::uint32_t Snapshot(shm::OpenFrame* out) const override;
  void EndThread();
  // Records the thread's name again, when the threading module did not know the thread at its first event.
  void NameAgain();

 private:
  ThreadRecorder();
  static ThreadRecorder* FindCurrent();
  bool Start();
  void Rejoin();
  void Grow();
  static std::uint32_t NextSerial();
  void Stop();
  void AfterFork();
  // Frames of generators and coroutines of all threads that wait to be resumed, by key. Guarded by the GIL.
  static std::unordered_map<void*, FrameEntry*>& Suspended();
  // The entry of the running frame; null when it is not recorded.
  FrameEntry* Top(const SmileyFrame& frame) { return IsTop(frame.key) ? stack_.back() : FindTop(frame); }
  FrameEntry* FindTop(const SmileyFrame& frame);
  FrameEntry* NewEntry();
  void Drop(FrameEntry* entry);
  void Forget(FrameEntry* entry);
  void Refresh(FrameEntry* entry) {
    if (entry->epoch != writer_->epoch()) Forget(entry);
  }
  PyObject* Read(const SmileyFrame& frame, const Slot& slot) const;
  bool HasName(Slot* slot);
  // Whether the value (null: unbound) surely equals the shadow. False: compare it with the Comparer.
  static bool Same(const Shadow& shadow, PyObject* value) {
    return value != nullptr ? shadow.state == Shadow::State::kBound && QuickSame(shadow.mark, value)
                            : shadow.state == Shadow::State::kUnbound;
  }
  bool Uncover(FrameEntry* entry, const SmileyFrame& frame, std::uint32_t slot, bool deep);
  void TouchAll(FrameEntry* entry, const SmileyFrame& frame, bool deep);
  void TouchChanged(FrameEntry* entry, const SmileyFrame& frame, std::uint32_t slot, PyObject* value, bool deep);
  void TouchLines(FrameEntry* entry, const SmileyFrame& frame, std::uint32_t before, std::uint32_t line);
  void TouchNamespace(FrameEntry* entry, const SmileyFrame& frame);
  void WriteHandled(FrameEntry* entry, const SmileyFrame& frame, std::uint32_t line, std::uint64_t now);
  void AttachValue(PyObject* value);
  void AttachPatch(std::uint32_t name, const ShortPatch& patch);
  void Write(shm::Kind kind, std::uint32_t id, std::span<const Part> parts);
  static bool Wait(void* self);
  shm::RingWriter::Options WriterOptions() { return {&ThreadRecorder::Wait, this, this}; }

  __attribute__((tls_model("initial-exec"))) static constinit thread_local ThreadRecorder* current_;
  std::uint64_t turn_ = 0;  // the process's turn in which FindCurrent checked everything; 0: it checks each event
  Process* process_;
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<Comparer> comparer_;
  std::unique_ptr<shm::RingWriter> writer_;
  TaskWatch tasks_;
  std::vector<FrameEntry*> stack_;
  std::vector<FrameEntry*> spare_;
  std::uint32_t generation_ = 0;
  std::uint32_t stretch_ = 0;
  std::uint64_t stop_seq_ = 0;       // number of the event after which recording stops; 0: none
  std::uint32_t serial_ = 0;         // identifies this recorder; a new one when recording continues
  std::uint32_t number_ = 0;         // the thread's number in the run
  bool values_ = true;               // values of all variables are recorded
  bool arguments_ = true;            // at least arguments, and values returned, yielded and sent are recorded
  bool unrecorded_ = false;          // there was no room for a ring
  int name_tries_ = 0;               // calls left at which the thread's name is looked up again
  std::uint64_t wait_began_ns_ = 0;  // monotonic time at which the present wait for room began; 0: none
  std::uint64_t wait_seen_ = 0;      // the ring's read position at that time
  bool warned_ = false;              // the warning about lost events was printed
  int waits_ = 0;                    // waits for room in this ring
  bool grows_ = false;               // the thread changes to a larger ring at its next event
};

}  // namespace smiley::tracer
