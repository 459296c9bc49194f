// Thread rule: call with the GIL held; a TaskWatch belongs to one thread's recorder.
//
// Which asyncio task runs in a thread. Nothing is put in asyncio's way: where a frame begins that may belong to
// another task, its own table of current tasks is read.
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

  // A frame begins with `depth` recorded frames below it, or something is told there (key null). True when the task
  // is another one than before: `number` is to be told, 0 = none. `first`: the frame has not run before.
  bool FindChange(void* key, bool first, bool coroutine, std::size_t depth) {
    if (!loaded_ && !(coroutine && Load())) return false;
    return Compare(key, first, depth);
  }
  // A frame was left, `depth` are open now. True when the task's outermost one was left: as Look.
  bool NoteLeft(std::size_t depth) { return static_cast<std::ptrdiff_t>(depth) <= base_ && Leave(depth); }
  std::uint32_t number() const { return marks_.empty() ? 0 : marks_.back().number; }
  void Forget();  // in a forked child: its numbers are its own

 private:
  // A task that runs above `base` open frames.
  struct Mark {
    PyObject* task;  // an address only
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
  PyObject* loop_ = nullptr;  // that ran in this thread when last asked; an address only
};

}  // namespace smiley::tracer
