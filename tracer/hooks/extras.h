// Thread rule: call with the GIL held, once.
//
// What is recorded on request only: garbage collections (--gc) and imports (--imports). A program can find these: an
// entry of its own stands in gc.callbacks, and an audit hook stays in place. Log records (--log) and calls of C
// functions
// (--c-calls) come from the hooks and leave nothing behind.
#pragma once

#include <Python.h>

#include "shm/format.h"
#include "tracer/config/options.h"
#include "tracer/interp/interp.h"

namespace smiley::tracer {

// False: one of them is not as expected; the others are watched.
bool WatchExtras(const Options& options);

class ThreadRecorder;
// logging hands out a record: the frame of the function that does begins. A mark "log" with the record's name, level,
// message and arguments as they are: putting them together would run the program's code.
void RecordLog(ThreadRecorder* recorder, const SmileyFrame& frame);
// A function is called or left by the recorded frame `frame`; told when it is one of those written in C that
// sys.setprofile tells of.
void RecordBuiltinCall(ThreadRecorder* recorder, shm::Kind kind, const SmileyFrame& frame, PyObject* callable);

}  // namespace smiley::tracer
