// Thread rule: call with the GIL held; a TaskWatch belongs to one thread's recorder.
//
// Which asyncio task runs in a thread. asyncio's own table of current tasks is read, never changed, when a frame
// begins that may belong to another task.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace smiley::tracer {

class Process;

class TaskWatch {
 public:
  explicit TaskWatch(Process* process) : process_(process) {}

  // A frame begins with `depth` recorded frames below it, or an event is recorded there (key null). True: the task
  // changed, and number() is to be recorded. `first`: the frame has not run before.
  bool FindChange(void* key, bool first, bool coroutine, std::size_t depth) {
    if (!loaded_ && !(coroutine && Load())) return false;
    return Compare(key, first, depth);
  }
  // A frame ended or yielded and `depth` frames are open now. True: it was the task's outermost frame, and number()
  // is to be recorded.
  bool NoteLeft(std::size_t depth) { return static_cast<std::ptrdiff_t>(depth) <= base_ && Leave(depth); }
  // The number of the running task; 0: none.
  std::uint32_t number() const { return marks_.empty() ? 0 : marks_.back().number; }
  // Forgets all tasks: a forked child assigns numbers of its own.
  void Forget();

 private:
  // A running task, with the number of open frames below it.
  struct Mark {
    PyObject* task;  // compared only
    std::uint32_t number;
    std::size_t base;
  };
  static bool Load();
  bool Compare(void* key, bool first, std::size_t depth);
  bool Leave(std::size_t depth);
  PyObject* Current();
  std::uint32_t NumberOf(PyObject* task, void* key, bool first);
  void Rebase() { base_ = marks_.empty() ? kNoBase : static_cast<std::ptrdiff_t>(marks_.back().base); }

  static constexpr std::ptrdiff_t kNoBase = -1;
  static bool loaded_;
  Process* process_;
  std::vector<Mark> marks_;
  std::ptrdiff_t base_ = kNoBase;
  PyObject* loop_ = nullptr;  // the event loop at the last lookup, compared only; null: none
};

}  // namespace smiley::tracer
