// Thread rule: a ThreadRecorder belongs to one thread and is used with the GIL held.
//
// From hooks to events: frames, the values of their variables, the ring. Hook sources call Enter, Line, Leave, Raise;
// they decide what happened, the recorder what is written.
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

// One recorded activation.
struct FrameEntry {
  void* key = nullptr;
  CodeInfo* code = nullptr;
  PyCodeObject* object = nullptr;  // borrowed: the frame holds it while it is open
  std::uint64_t id = 0;
  std::uint32_t line = 0;
  std::uint32_t epoch = 0;      // of the ring when the shadows were last true
  std::uint32_t thread = 0;     // recorder serial in which it ran last
  bool raised = false;          // an exception is on its way through this frame
  bool rejoined = false;        // it ran before its thread was recorded: all is told at its next line
  std::vector<Shadow> shadows;  // one a slot of the code
  struct Handled {
    PyObject* exception;
    std::string cbor;
  };
  std::vector<Handled> handled;  // exceptions whose handlers are running, innermost last; addresses only
  std::string exception;         // [type, message] of the latest raise in this frame
  PyObject* raising = nullptr;   // which exception that was; the address only
};

enum class Entry { kCall, kResume, kGoOn, kThrow };  // kGoOn: resumed, and nothing was sent
enum class Exit { kReturn, kYield, kUnwind };

class ThreadRecorder final : public shm::OpenFrames {
 public:
  // The calling thread's recorder, made at its first event; null when recording is off.
  static ThreadRecorder* Current() {
    ThreadRecorder* self = current_;
    return self != nullptr && self->turn_ == Process::turn() ? self : FindCurrent();
  }

  // `sent`: the exception of a throw (may be null).
  void Enter(const SmileyFrame& frame, CodeInfo* code, Entry entry, PyObject* thrown);
  void Line(const SmileyFrame& frame, std::uint32_t line);
  // `value` returned or yielded; null for an unwind. `exception` (unwind only) may be null: the frame's latest is
  // told.
  void Leave(const SmileyFrame& frame, Exit exit, PyObject* value, PyObject* exception);
  void Raise(const SmileyFrame& frame, PyObject* exception, bool propagated, bool handled_by_loop);

  // An event that is no frame's own (output, a mark, a task), told in the innermost recorded frame.
  struct Part {
    shm::Kind kind;
    std::uint32_t id;
    std::string_view bytes;
  };
  void RecordInFrame(shm::Kind kind, std::uint32_t id, std::span<const Part> parts);
  std::size_t open_frames() const { return stack_.size(); }

  // While recording waits for where to begin: whether that is here. `line` 0: the frame is being called.
  static bool TryToBegin(const SmileyFrame& frame, std::uint32_t line);

  // The recorded frame that is running, null when the innermost one is not recorded or known.
  bool IsTop(void* key) const { return !stack_.empty() && stack_.back()->key == key; }
  // The frame of a generator that was left by a yield.
  static bool IsSuspended(void* key);
  // Its code; null when the frame is not among the recorded ones of this thread.
  const CodeInfo* TopCode(void* key) const {
    for (std::size_t i = stack_.size(); i-- > 0;) {
      if (stack_[i]->key == key) return stack_[i]->code;
    }
    return nullptr;
  }
  std::uint32_t Snapshot(shm::OpenFrame* out) const override;
  void EndThread();
  // The thread's name once more, where the threading module did not know the thread yet.
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
  // Frames of generators and coroutines that wait to be resumed, in any thread. Guarded by the GIL.
  static std::unordered_map<void*, FrameEntry*>& Suspended();
  // The entry of the running frame, null when it is not recorded or known.
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
  // At the first look, which is enough for most. Null: unbound.
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
  std::uint64_t turn_ = 0;  // of the process when all was found to be as usual; 0: each event asks
  Process* process_;
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<Comparer> comparer_;
  std::unique_ptr<shm::RingWriter> writer_;
  TaskWatch tasks_;
  std::vector<FrameEntry*> stack_;
  std::vector<FrameEntry*> spare_;
  std::uint32_t generation_ = 0;
  std::uint32_t stretch_ = 0;
  std::uint64_t stop_seq_ = 0;  // the event after which recording stops; 0: none
  std::uint32_t serial_ = 0;
  std::uint32_t number_ = 0;
  bool values_ = true;     // of all variables
  bool arguments_ = true;  // at least of arguments, and what is returned, yielded and sent
  bool unrecorded_ = false;
  int name_tries_ = 0;  // left, while the threading module does not know the thread yet
  std::uint64_t wait_began_ns_ = 0;
  std::uint64_t wait_seen_ = 0;
  bool warned_ = false;
  int waits_ = 0;       // for room in this ring
  bool grows_ = false;  // at the next event it goes on in a larger one
};

}  // namespace smiley::tracer
