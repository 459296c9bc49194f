// Thread rule: call with the GIL held, once.
//
// Events that are recorded on request only: garbage collections (--gc), imports (--imports), log records (--log) and
// calls of C functions (--c-calls). A program can find the first two: --gc adds an entry to gc.callbacks, --imports
// adds an audit hook that stays. The other two come from the hooks.
#pragma once

#include <Python.h>

#include "shm/format.h"
#include "tracer/config/options.h"
#include "tracer/interp/interp.h"

namespace smiley::tracer {

// Begins to watch the requested ones. False: one of them is not as expected; the others are watched.
bool WatchExtras(const Options& options);

class ThreadRecorder;
// Records a log record as a mark "log" with name, level, message and arguments. `frame`: that of the logging function
// that hands the record out. The message is not formatted, because that would run the program's code.
void RecordLog(ThreadRecorder* recorder, const SmileyFrame& frame);
// Records that the frame calls or leaves `callable`, if that is a C function that sys.setprofile reports.
void RecordBuiltinCall(ThreadRecorder* recorder, shm::Kind kind, const SmileyFrame& frame, PyObject* callable);

}  // namespace smiley::tracer
