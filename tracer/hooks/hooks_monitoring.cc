// CPython 3.12 and newer: events from sys.monitoring, through callbacks in C under a tool id of smiley's own. The
// program's trace and profile functions, debuggers and monitoring tools use other ids and work as usual.
//
// Only the start of functions is watched in all code. A code object that is recorded gets the other events at its
// first start. A code object that is left out is switched off at its first start and costs nothing afterwards.
// Exceptions are different: the interpreter reports them for all code or for none. The recorded sequence is that of
// sys.settrace.
#include <Python.h>

#if PY_VERSION_HEX >= 0x030C0000
#include <opcode.h>

#include <cstddef>

#include "tracer/hooks/extras.h"
#include "tracer/hooks/hooks.h"
#include "tracer/hooks/raising.h"
#include "tracer/interp/interp.h"
#include "tracer/recorder/recorder.h"
#include "tracer/values/quick_value.h"

namespace smiley::tracer {
namespace {

constexpr const char* kToolName = "smiley";
// The debugger's, coverage's, profiler's and optimizer's ids (0, 1, 2, 5) are left to the program.
constexpr int kToolIds[] = {4, 3};

PyObject* g_disable = nullptr;    // sys.monitoring.DISABLE
PyObject* g_set_local = nullptr;  // sys.monitoring.set_local_events
int g_tool = -1;
int g_local_events = 0;
int g_instruction = 0;

using Arguments = PyObject* const*;

PyObject* Nothing() { Py_RETURN_NONE; }

// Switches this event off at this instruction. Only events that are set for each code object may return it.
PyObject* NeverAgain() {
  Py_INCREF(g_disable);
  return g_disable;
}

PyCodeObject* CodeOf(Arguments arguments) { return reinterpret_cast<PyCodeObject*>(arguments[0]); }

// The return value of a code object's event where nothing is recorded. While recording waits for --start-at, the
// event stays on. After the end of recording it is switched off until Watch switches it on.
PyObject* Unrecorded() {
  const Process* process = Process::instance();
  return process->off() && !process->waiting() ? NeverAgain() : Nothing();
}

bool SetLocalEvents(PyCodeObject* code, int events) {
  PyObject* arguments[3] = {PyLong_FromLong(g_tool), reinterpret_cast<PyObject*>(code), PyLong_FromLong(events)};
  PyObject* done = arguments[0] && arguments[2] ? PyObject_Vectorcall(g_set_local, arguments, 3, nullptr) : nullptr;
  Py_XDECREF(arguments[0]);
  Py_XDECREF(arguments[2]);
  if (done == nullptr) PyErr_Clear();
  Py_XDECREF(done);
  return done != nullptr;
}

// From 3.13 on, a debugger gets the instruction after its set_trace() only where the other tools watch instructions,
// too.
bool CallsDebugger(PyCodeObject* code) {
#if PY_VERSION_HEX >= 0x030D0000
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(code->co_names); ++i) {
    PyObject* name = PyTuple_GET_ITEM(code->co_names, i);
    if (PyUnicode_CompareWithASCIIString(name, "set_trace") == 0 ||
        PyUnicode_CompareWithASCIIString(name, "breakpoint") == 0) {
      return true;
    }
  }
#else
  static_cast<void>(code);
#endif
  return false;
}

PyObject* OnInstruction(Arguments) { return NeverAgain(); }

// Switches on the code object's own events. False: the interpreter refused, and recording was switched off.
bool Hook(PyCodeObject* code, CodeInfo* info) {
  if (info->hooked) [[likely]]
    return true;
  Process* process = Process::instance();
  if (!SetLocalEvents(code, g_local_events | (CallsDebugger(code) ? g_instruction : 0))) {
    process->SwitchOff("the interpreter's sys.monitoring refuses a code object");
    return false;
  }
  process->codes().AddHooked(info, code);
  return true;
}

// The recorder when recording waits for --start-at and begins at this line; else null.
ThreadRecorder* Begin(std::uint32_t line) {
  if (!Process::instance()->waiting()) return nullptr;
  SmileyFrame frame;
  smiley_current_frame(&frame);
  return ThreadRecorder::TryToBegin(frame, line) ? ThreadRecorder::Current() : nullptr;
}

PyObject* OnStart(Arguments arguments) {
  PyCodeObject* code = CodeOf(arguments);
  CodeInfo* info = Process::instance()->codes().Of(code);
  if (info->bounds_thread) [[unlikely]] {
    // A thread gets its name here even if it runs only code that is left out.
    if (ThreadRecorder* recorder = ThreadRecorder::Current()) recorder->NameAgain();
    if (!info->included) return Nothing();
  }
  if (!info->included && !info->starts && info->start_line == 0 && !info->logs) {
    if (CallsDebugger(code)) SetLocalEvents(code, g_instruction);
    return NeverAgain();
  }
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) [[unlikely]] {
    recorder = Begin(0);
    if (recorder == nullptr) {
      if (info->start_line != 0 && Process::instance()->waiting()) Hook(code, info);
      return Unrecorded();
    }
  }
  if (!info->included && !info->logs) return NeverAgain();
  SmileyFrame frame;
  smiley_current_frame(&frame);
  if (info->included) {
    if (!Hook(code, info)) return NeverAgain();
    recorder->Enter(frame, info, Entry::kCall, nullptr);
  }
  if (info->logs) RecordLog(recorder, frame);
  return Nothing();
}

PyObject* OnResume(Arguments arguments) {
  PyCodeObject* code = CodeOf(arguments);
  CodeInfo* info = Process::instance()->codes().Of(code);
  if (!info->included) return NeverAgain();
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) [[unlikely]]
    return Unrecorded();
  if (!Hook(code, info)) return NeverAgain();
  SmileyFrame frame;
  smiley_current_frame(&frame);
  recorder->Enter(frame, info, Entry::kResume, nullptr);
  return Nothing();
}

PyObject* OnThrow(Arguments arguments) {
  PyCodeObject* code = CodeOf(arguments);
  CodeInfo* info = Process::instance()->codes().Of(code);
  if (!info->included) return Nothing();
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr || !Hook(code, info)) return Nothing();
  SmileyFrame frame;
  smiley_current_frame(&frame);
  recorder->Enter(frame, info, Entry::kThrow, arguments[2]);
  return Nothing();
}

PyObject* OnLeave(Arguments arguments, Exit exit) {
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) [[unlikely]]
    return Unrecorded();
  SmileyFrame frame;
  smiley_current_frame(&frame);
  recorder->Leave(frame, exit, arguments[2], nullptr);
  return Nothing();
}

PyObject* OnReturn(Arguments arguments) { return OnLeave(arguments, Exit::kReturn); }
PyObject* OnYield(Arguments arguments) { return OnLeave(arguments, Exit::kYield); }

// The interpreter calls the program's trace and profile functions first. When one raises, other tools get no start or
// resume event. Such a frame is entered when the exception is reported.
void EnterLate(ThreadRecorder* recorder, const SmileyFrame& frame, CodeInfo* info) {
  constexpr int kResumeKindMask = 3;
  if (recorder->IsTop(frame.key)) [[likely]]
    return;
  if (info->OpcodeAt(frame.lasti) != RESUME || recorder->TopCode(frame.key) != nullptr) return;
  const bool goes_on = (info->OpargAt(frame.lasti) & kResumeKindMask) != 0;
  recorder->Enter(frame, info, goes_on ? Entry::kResume : Entry::kCall, nullptr);
}

PyObject* OnUnwind(Arguments arguments) {
  CodeInfo* info = Process::instance()->codes().Of(CodeOf(arguments));
  if (!info->included) return Nothing();
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) return Nothing();
  SmileyFrame frame;
  smiley_current_frame(&frame);
  EnterLate(recorder, frame, info);
  recorder->Leave(frame, Exit::kUnwind, nullptr, arguments[2]);
  return Nothing();
}

PyObject* OnLine(Arguments arguments) {
  std::int64_t line;
  if (!OneDigit(arguments[1], &line)) return Nothing();  // no source has so many lines
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) [[unlikely]] {
    recorder = Begin(static_cast<std::uint32_t>(line));
    if (recorder == nullptr) return Unrecorded();
  }
  SmileyFrame frame;
  smiley_current_frame(&frame);
  recorder->Line(frame, static_cast<std::uint32_t>(line));
  return Nothing();
}

// The line within which the jump stays; -1: it leaves its line. The table is used because the interpreter's own
// lookup reads all lines before.
int LineOfInnerJump(PyCodeObject* code, long from, long to) {
  CodeInfo* info = Process::instance()->codes().Of(code);
  for (const CodeInfo::InnerJump& jump : info->inner_jumps) {
    if (jump.from == from) return jump.line;
  }
  const int line = PyCode_Addr2Line(code, static_cast<int>(from));
  if (line < 0 || line != PyCode_Addr2Line(code, static_cast<int>(to))) return -1;
  info->inner_jumps.push_back({from, line});
  return line;
}

// A jump backwards within its line begins the line again. Any other jump is recorded by the event of the line it
// reaches.
PyObject* OnJump(Arguments arguments) {
  const long from = PyLong_AsLong(arguments[1]);
  const long to = PyLong_AsLong(arguments[2]);
  if (to >= from) return NeverAgain();
  const int line = LineOfInnerJump(CodeOf(arguments), from, to);
  if (line < 0) return NeverAgain();
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) [[unlikely]]
    return Unrecorded();
  SmileyFrame frame;
  smiley_current_frame(&frame);
  recorder->Line(frame, static_cast<std::uint32_t>(line));
  return Nothing();
}

PyObject* OnRaise(Arguments arguments) {
  CodeInfo* info = Process::instance()->codes().Of(CodeOf(arguments));
  if (!info->included) return Nothing();
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) return Nothing();
  PyObject* exception = arguments[2];
  if (!PyExceptionInstance_Check(exception)) return Nothing();
  SmileyFrame frame;
  smiley_current_frame(&frame);
  EnterLate(recorder, frame, info);
  recorder->Raise(frame, exception,
                  IsPropagated(*info, frame.lasti, reinterpret_cast<PyBaseExceptionObject*>(exception)->traceback),
                  IsSwallowedByLoop(*info, frame.lasti, exception));
  return Nothing();
}

// A loop exhausted a generator. The interpreter creates this StopIteration only for monitoring tools.
PyObject* OnStopIteration(Arguments arguments) {
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) [[unlikely]]
    return Unrecorded();
  if (!PyExceptionInstance_Check(arguments[2])) return Nothing();
  SmileyFrame frame;
  smiley_current_frame(&frame);
  recorder->Raise(frame, arguments[2], false, true);
  return Nothing();
}

// ---- calls of functions written in C. Only the callback of the call itself may switch its event off. ----

PyObject* Builtin(Arguments arguments, shm::Kind kind) {
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) return kind == shm::Kind::kCCall ? Unrecorded() : Nothing();
  SmileyFrame frame;
  smiley_current_frame(&frame);
  RecordBuiltinCall(recorder, kind, frame, arguments[2]);
  return Nothing();
}

PyObject* OnCCall(Arguments arguments) { return Builtin(arguments, shm::Kind::kCCall); }
PyObject* OnCReturn(Arguments arguments) { return Builtin(arguments, shm::Kind::kCReturn); }
PyObject* OnCRaise(Arguments arguments) { return Builtin(arguments, shm::Kind::kCRaise); }

// ---- callbacks: a type with vectorcall, whose calls cost less than those of a function object ----

struct Callback {
  PyObject_HEAD vectorcallfunc call;
};

PyTypeObject CallbackType;  // a static type: its fields are set before its first use

template <PyObject* (*kHandler)(Arguments), int kCount>
PyObject* Call(PyObject*, PyObject* const* arguments, std::size_t count, PyObject*) {
  if (PyVectorcall_NARGS(count) != kCount) [[unlikely]]
    Py_RETURN_NONE;
  return kHandler(arguments);
}

struct Watched {
  const char* event;  // a name in sys.monitoring.events
  vectorcallfunc call;
  bool local;             // set for each recorded code object, not for all code
  bool calls;             // also watched when only calls are recorded
  bool builtins = false;  // only watched when calls of C functions are recorded
};
constexpr Watched kWatched[] = {
    {"PY_START", &Call<OnStart, 2>, false, true},
    {"PY_RESUME", &Call<OnResume, 2>, false, true},
    {"PY_RETURN", &Call<OnReturn, 3>, true, true},
    {"PY_YIELD", &Call<OnYield, 3>, true, true},
    {"LINE", &Call<OnLine, 2>, true, false},
    {"JUMP", &Call<OnJump, 3>, true, false},
    {"INSTRUCTION", &Call<OnInstruction, 2>, true, true},
    {"STOP_ITERATION", &Call<OnStopIteration, 3>, true, false},
    {"RAISE", &Call<OnRaise, 3>, false, false},
    {"PY_UNWIND", &Call<OnUnwind, 3>, false, true},
    {"PY_THROW", &Call<OnThrow, 3>, false, true},
    {"CALL", &Call<OnCCall, 4>, true, true, true},
    {"C_RETURN", &Call<OnCReturn, 4>, true, true, true},
    {"C_RAISE", &Call<OnCRaise, 4>, true, true, true},
};

class Owned {
 public:
  explicit Owned(PyObject* object) : object_(object) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { Py_XDECREF(object_); }
  PyObject* get() const { return object_; }

 private:
  PyObject* object_;
};

class MonitoringHooks final : public HookSource {
 public:
  MonitoringHooks(bool calls_only, bool c_calls) : calls_only_(calls_only), c_calls_(c_calls) {}

  bool Start(std::string* error) override {
    if (Open() && Take() && Register()) return true;
    PyErr_Clear();
    *error = taken_ ? "the interpreter's sys.monitoring is not as expected"
                    : "the interpreter has no room for one more monitoring tool";
    Stop();
    return false;
  }

  void Stop() override {
    if (g_tool < 0) return;
    const Owned none(PyObject_CallMethod(monitoring_, "set_events", "ii", g_tool, 0));
    Process::instance()->codes().UnhookAll([](PyCodeObject* code) { SetLocalEvents(code, 0); });
    for (const Watched& watched : kWatched) {
      const Owned old(
          PyObject_CallMethod(monitoring_, "register_callback", "iiO", g_tool, Number(watched.event), Py_None));
      PyErr_Clear();
    }
    const Owned freed(PyObject_CallMethod(monitoring_, "free_tool_id", "i", g_tool));
    PyErr_Clear();
    g_tool = -1;
  }

  void Watch() override {
    const Owned again(PyObject_CallMethod(monitoring_, "restart_events", nullptr));
    PyErr_Clear();
    CodeTable& codes = Process::instance()->codes();
    for (PyThreadState* t = PyInterpreterState_ThreadHead(PyInterpreterState_Get()); t != nullptr;
         t = PyThreadState_Next(t)) {
      SmileyFrame frame;
      for (int more = smiley_innermost_frame(t, &frame); more; more = smiley_outer_frame(&frame)) {
        CodeInfo* info = codes.Of(frame.code);
        if (info->included && !Hook(frame.code, info)) return;
      }
    }
  }

 private:
  bool Open() {
    monitoring_ = PySys_GetObject("monitoring");  // borrowed from the interpreter
    if (monitoring_ == nullptr) return false;
    if (CallbackType.tp_name == nullptr) {
      Py_SET_REFCNT(&CallbackType, 1);
      CallbackType.tp_name = "smiley.Callback";
      CallbackType.tp_basicsize = sizeof(Callback);
      CallbackType.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL;
      CallbackType.tp_vectorcall_offset = offsetof(Callback, call);
      CallbackType.tp_call = PyVectorcall_Call;
      if (PyType_Ready(&CallbackType) < 0) return false;
    }
    Py_XSETREF(g_disable, PyObject_GetAttrString(monitoring_, "DISABLE"));
    Py_XSETREF(g_set_local, PyObject_GetAttrString(monitoring_, "set_local_events"));
    return g_disable != nullptr && g_set_local != nullptr;
  }

  bool Take() {
    taken_ = false;
    for (const int id : kToolIds) {
      const Owned used(PyObject_CallMethod(monitoring_, "use_tool_id", "is", id, kToolName));
      PyErr_Clear();  // another tool uses the id
      if (used.get() == nullptr) continue;
      g_tool = id;
      taken_ = true;
      return true;
    }
    return false;
  }

  int Number(const char* event) const {
    const Owned events(PyObject_GetAttrString(monitoring_, "events"));
    const Owned number(events.get() != nullptr ? PyObject_GetAttrString(events.get(), event) : nullptr);
    const long value = number.get() != nullptr ? PyLong_AsLong(number.get()) : -1;
    PyErr_Clear();
    return static_cast<int>(value);
  }

  bool Register() {
    int everywhere = 0;
    g_local_events = 0;
    for (const Watched& watched : kWatched) {
      if ((calls_only_ && !watched.calls) || (watched.builtins && !c_calls_)) continue;
      const int number = Number(watched.event);
      if (number <= 0) return false;
      Callback* callback = PyObject_New(Callback, &CallbackType);
      if (callback == nullptr) return false;
      callback->call = watched.call;
      const Owned owned(reinterpret_cast<PyObject*>(callback));
      const Owned old(PyObject_CallMethod(monitoring_, "register_callback", "iiO", g_tool, number, callback));
      if (old.get() == nullptr) return false;
      if (watched.call == &Call<OnInstruction, 2>) {
        g_instruction = number;  // only set for code that calls a debugger
      } else {
        (watched.local ? g_local_events : everywhere) |= number;
      }
    }
    const Owned set(PyObject_CallMethod(monitoring_, "set_events", "ii", g_tool, everywhere));
    return set.get() != nullptr;
  }

  bool calls_only_, c_calls_;
  bool taken_ = false;
  PyObject* monitoring_ = nullptr;
};

}  // namespace

std::unique_ptr<HookSource> MakeHooks(bool calls_only, bool c_calls) {
  return std::make_unique<MonitoringHooks>(calls_only, c_calls);
}

}  // namespace smiley::tracer
#endif
