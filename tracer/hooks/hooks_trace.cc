// CPython 3.11: events from a C trace function, in the sequence that sys.settrace gives a Python function. Newer
// versions use hooks_monitoring.cc.
#include <Python.h>

#if PY_VERSION_HEX < 0x030C0000
#include <frameobject.h>
#include <opcode.h>

#include "tracer/hooks/extras.h"
#include "tracer/hooks/hooks.h"
#include "tracer/hooks/raising.h"
#include "tracer/hooks/user_trace.h"
#include "tracer/interp/interp.h"
#include "tracer/recorder/keep_error.h"
#include "tracer/recorder/recorder.h"
#include "tracer/recorder/swap.h"

namespace smiley::tracer {
namespace {

constexpr int kResumeAtStart = 0;
constexpr int kResumeKindMask = 3;

// The frame into which an exception was just thrown. Its event waits for the exception, which is reported next.
__attribute__((tls_model("initial-exec"))) thread_local void* t_thrown_into = nullptr;

void EnterThrown(ThreadRecorder* recorder, const SmileyFrame& frame, PyObject* exception) {
  const bool here = t_thrown_into == frame.key;
  t_thrown_into = nullptr;
  if (here) recorder->Enter(frame, Process::instance()->codes().Of(frame.code), Entry::kThrow, exception);
}

// `exceptions`: the hook in use also reports exceptions.
void OnCall(ThreadRecorder* recorder, PyFrameObject* object, bool exceptions) {
  SmileyFrame frame;
  smiley_read_frame(object, &frame);
  t_thrown_into = nullptr;
  CodeInfo* code = Process::instance()->codes().Of(frame.code);
  if (!code->included) {
    if (code->logs) RecordLog(recorder, frame);
    return;
  }
  KeepError keep;
  PyObject* thrown = keep.exception();
  Entry entry = Entry::kCall;
  if (code->generator) {
    if (code->OpcodeAt(frame.lasti) != RESUME) {
      entry = Entry::kThrow;
    } else if ((code->OpargAt(frame.lasti) & kResumeKindMask) != kResumeAtStart) {
      entry = thrown != nullptr || keep.pending() ? Entry::kThrow : Entry::kResume;
    }
  }
  if (entry == Entry::kThrow && exceptions && thrown == nullptr) {
    t_thrown_into = frame.key;
    return;
  }
  recorder->Enter(frame, code, entry, thrown);
  if (code->logs) RecordLog(recorder, frame);
}

void OnBuiltin(ThreadRecorder* recorder, PyFrameObject* object, int what, PyObject* callable) {
  SmileyFrame frame;
  smiley_read_frame(object, &frame);
  const shm::Kind kind = what == PyTrace_C_CALL     ? shm::Kind::kCCall
                         : what == PyTrace_C_RETURN ? shm::Kind::kCReturn
                                                    : shm::Kind::kCRaise;
  RecordBuiltinCall(recorder, kind, frame, callable);
}

// Enters a generator that continues without a call event. This happens when an exception is thrown into an awaited
// object, which then returns. False: the frame's code is not recorded.
bool EnterLate(ThreadRecorder* recorder, const SmileyFrame& frame) {
  CodeInfo* code = Process::instance()->codes().Of(frame.code);
  if (!code->included) return false;
  if (code->generator && ThreadRecorder::IsSuspended(frame.key)) recorder->Enter(frame, code, Entry::kGoOn, nullptr);
  return true;
}

void OnLine(ThreadRecorder* recorder, PyFrameObject* object) {
  SmileyFrame frame;
  smiley_read_frame(object, &frame);
  if (!recorder->IsTop(frame.key) && !EnterLate(recorder, frame) && t_thrown_into == nullptr) return;
  if (t_thrown_into != nullptr) [[unlikely]]
    EnterThrown(recorder, frame, nullptr);
  recorder->Line(frame, static_cast<std::uint32_t>(PyFrame_GetLineNumber(object)));
}

void OnException(ThreadRecorder* recorder, PyFrameObject* object, PyObject* info) {
  SmileyFrame frame;
  smiley_read_frame(object, &frame);
  if (info == nullptr || !PyTuple_Check(info) || PyTuple_GET_SIZE(info) != 3) return;
  PyObject* exception = PyTuple_GET_ITEM(info, 1);
  if (!PyExceptionInstance_Check(exception)) return;
  if (t_thrown_into != nullptr) [[unlikely]]
    EnterThrown(recorder, frame, exception);
  if (!recorder->IsTop(frame.key)) EnterLate(recorder, frame);
  if (!recorder->IsTop(frame.key)) return;
  const CodeInfo* code = Process::instance()->codes().Of(frame.code);
  recorder->Raise(frame, exception, IsPropagated(*code, frame.lasti, PyTuple_GET_ITEM(info, 2)),
                  IsSwallowedByLoop(*code, frame.lasti, exception));
}

void OnReturn(ThreadRecorder* recorder, PyFrameObject* object, PyObject* value) {
  SmileyFrame frame;
  smiley_read_frame(object, &frame);
  if (t_thrown_into != nullptr) [[unlikely]]
    EnterThrown(recorder, frame, nullptr);
  const CodeInfo* code = recorder->TopCode(frame.key);
  if (code == nullptr) {
    if (!EnterLate(recorder, frame)) return;
    code = recorder->TopCode(frame.key);
    if (code == nullptr) return;
  }
  KeepError keep;
  if (value == nullptr) {
    recorder->Leave(frame, Exit::kUnwind, nullptr, keep.exception());
  } else if (code->generator && code->OpcodeAt(frame.lasti) == YIELD_VALUE) {
    recorder->Leave(frame, Exit::kYield, value, nullptr);
  } else {
    recorder->Leave(frame, Exit::kReturn, value, nullptr);
  }
}

bool g_calls_only = false, g_c_calls = false;

void Record(PyFrameObject* frame, int what, PyObject* arg, bool exceptions) {
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) [[unlikely]] {
    if (what != PyTrace_CALL && what != PyTrace_LINE) return;
    SmileyFrame begins;
    smiley_read_frame(frame, &begins);
    const int line = what == PyTrace_LINE ? PyFrame_GetLineNumber(frame) : 0;
    if (!ThreadRecorder::TryToBegin(begins, static_cast<std::uint32_t>(line))) return;
    recorder = ThreadRecorder::Current();
    if (recorder == nullptr) return;
  }
  switch (what) {
    case PyTrace_LINE:
      OnLine(recorder, frame);
      break;
    case PyTrace_CALL:
      OnCall(recorder, frame, exceptions);
      break;
    case PyTrace_RETURN:
      OnReturn(recorder, frame, arg);
      break;
    case PyTrace_EXCEPTION:
      OnException(recorder, frame, arg);
      break;
    case PyTrace_C_CALL:
    case PyTrace_C_RETURN:
    case PyTrace_C_EXCEPTION:
      OnBuiltin(recorder, frame, what, arg);
      break;
    default:
      break;
  }
}

int Trace(PyObject* user, PyFrameObject* frame, int what, PyObject* arg) {
  Record(frame, what, arg, true);
  return user != nullptr ? CallUserTrace(user, frame, what, arg) : 0;
}

bool IsBuiltin(int what) { return what == PyTrace_C_CALL || what == PyTrace_C_RETURN || what == PyTrace_C_EXCEPTION; }

int Profile(PyObject* user, PyFrameObject* frame, int what, PyObject* arg) {
  if (what == PyTrace_CALL || what == PyTrace_RETURN || (g_c_calls && IsBuiltin(what)))
    Record(frame, what, arg, false);
  return user != nullptr ? CallUserProfile(user, frame, what, arg) : 0;
}

// The profile function beside the trace function, which gets no events of C functions.
int ProfileBuiltins(PyObject* user, PyFrameObject* frame, int what, PyObject* arg) {
  if (IsBuiltin(what)) Record(frame, what, arg, true);
  return user != nullptr ? CallUserProfile(user, frame, what, arg) : 0;
}

constexpr char kLostTrace[] = "C code of the program took the place of the trace function; events are missing";
constexpr char kLostProfile[] = "C code of the program took the place of the profile function; calls are missing";
constexpr char kLostBuiltins[] =
    "C code of the program took the place of the profile function; calls of C functions are missing";

class TraceFunctionHooks final : public HookSource {
 public:
  TraceFunctionHooks(bool calls_only, bool c_calls) : calls_only_(calls_only) {
    g_calls_only = calls_only;
    g_c_calls = c_calls;
  }

  bool Start(std::string* error) override {
    if (!WatchNewThreads(&TraceFunctionHooks::SetEverywhere)) {
      *error = "the interpreter's _thread module is not as expected";
      return false;
    }
    const bool shared = calls_only_ ? ShareSlot(&Profile, true, kLostProfile) : ShareSlot(&Trace, false, kLostTrace);
    if (!shared || (g_c_calls && !calls_only_ && !ShareSlot(&ProfileBuiltins, true, kLostBuiltins))) {
      UnshareSlot();
      UnwatchNewThreads();
      *error = "the interpreter's sys.settrace or sys.setprofile is not as expected";
      return false;
    }
    SetEverywhere();
    return true;
  }

  void Stop() override {
    UnwatchNewThreads();
    UnshareSlot();
    smiley_untrace_all_threads(calls_only_ ? &Profile : &Trace);
    smiley_untrace_all_threads(&ProfileBuiltins);
  }

  void Watch() override {}  // the trace function is called for frames that run already, too

 private:
  static void SetEverywhere() {
    smiley_trace_all_threads(g_calls_only ? &Profile : &Trace, nullptr, g_calls_only ? 1 : 0);
    if (g_c_calls && !g_calls_only) smiley_trace_all_threads(&ProfileBuiltins, nullptr, 1);
  }
  bool calls_only_;
};

}  // namespace

std::unique_ptr<HookSource> MakeHooks(bool calls_only, bool c_calls) {
  return std::make_unique<TraceFunctionHooks>(calls_only, c_calls);
}

}  // namespace smiley::tracer
#endif
