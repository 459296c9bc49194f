#include "tracer/recorder/swap.h"

#include <atomic>

#include "tracer/interp/interp.h"
#include "tracer/recorder/process.h"
#include "tracer/values/types.h"

namespace smiley::tracer {

PyMethodDef* FindDefinition(const char* module, const char* name) {
  PyObject* found = PyDict_GetItemString(PyImport_GetModuleDict(), module);
  if (found == nullptr || !PyModule_Check(found)) return nullptr;
  PyObject* function = PyDict_GetItemString(PyModule_GetDict(found), name);
  if (function == nullptr || Py_TYPE(function) != &PyCFunction_Type) return nullptr;
  return reinterpret_cast<PyCFunctionObject*>(function)->m_ml;
}

PyObject* FindInType(PyTypeObject* type, const char* name) {
#if PY_VERSION_HEX >= 0x030C0000
  PyObject* dict = PyType_GetDict(type);
  PyObject* found = dict != nullptr ? PyDict_GetItemString(dict, name) : nullptr;
  Py_XDECREF(dict);
  return found;
#else
  return type->tp_dict != nullptr ? PyDict_GetItemString(type->tp_dict, name) : nullptr;
#endif
}

PyMethodDef* FindMethod(PyTypeObject* type, const char* name) {
  PyObject* found = FindInType(type, name);
  if (found == nullptr || !Py_IS_TYPE(found, &PyMethodDescr_Type)) return nullptr;
  return reinterpret_cast<PyMethodDescrObject*>(found)->d_method;
}

bool Swap::Set(PyMethodDef* where, PyCFunction replacement) {
  if (where == nullptr) return false;
  definition = where;
  original = where->ml_meth;
  where->ml_meth = replacement;
  return true;
}

void Swap::Undo() {
  if (definition != nullptr) definition->ml_meth = original;
  definition = nullptr;
}

namespace {

void (*g_passing)() = nullptr;
std::atomic<bool> g_another{false};

int SayAnother(void*) {
  if (Process* process = Process::instance()) process->Incomplete("code in sub-interpreters is not recorded");
  return 0;
}

}  // namespace

bool InMainInterpreter() {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) [[likely]]
    return true;
  if (!g_another.exchange(true)) {
#if PY_VERSION_HEX >= 0x030C0000
    Py_AddPendingCall(&SayAnother, nullptr);  // the lock held here is not the main interpreter's
#else
    SayAnother(nullptr);
#endif
  }
  return false;
}

void SetPassing(void (*passing)()) { g_passing = passing; }

namespace {

// Runs the passing function. False: this is a sub-interpreter, where the original is called and nothing is recorded.
bool Pass() {
  if (!InMainInterpreter()) return false;
  if (g_passing != nullptr) g_passing();
  return true;
}

// ---- threads ----

void (*g_started)() = nullptr;
constexpr int kStarters = 3;
const char* const kStarterNames[kStarters] = {"start_new_thread", "start_new", "start_joinable_thread"};
Swap g_starters[kStarters];

PyObject* Started(PyObject* result) {
  if (result != nullptr && Pass() && g_started != nullptr) g_started();
  return result;
}

template <int kWhich>
PyObject* StartVarargs(PyObject* self, PyObject* args) {
  return Started(g_starters[kWhich].original(self, args));
}
template <int kWhich>
PyObject* StartKeywords(PyObject* self, PyObject* args, PyObject* kwargs) {
  return Started(reinterpret_cast<PyCFunctionWithKeywords>(reinterpret_cast<void (*)()>(g_starters[kWhich].original))(
      self, args, kwargs));
}

template <int kWhich>
bool SwapStarter() {
  PyMethodDef* definition = FindDefinition("_thread", kStarterNames[kWhich]);
  if (definition == nullptr) return false;
  if (definition->ml_flags & METH_KEYWORDS) {
    return g_starters[kWhich].Set(
        definition, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&StartKeywords<kWhich>)));
  }
  return g_starters[kWhich].Set(definition, &StartVarargs<kWhich>);
}

// ---- compiling ----

Swap g_exec, g_eval, g_compile;

SourceTexts::Text TextOf(PyObject* source) {
  if (PyUnicode_Check(source)) return std::make_shared<const std::string>(Utf8(source));
  if (PyBytes_Check(source)) {
    return std::make_shared<const std::string>(PyBytes_AS_STRING(source),
                                               static_cast<std::size_t>(PyBytes_GET_SIZE(source)));
  }
  return nullptr;
}

using Fast = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
using FastKeywords = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

template <typename Function>
Function As(PyCFunction function) {
  return reinterpret_cast<Function>(reinterpret_cast<void (*)()>(function));
}

// The source text, and the code that compiles it.
SourceTexts::Made MadeOf(PyObject* source, Process* process) {
  SourceTexts::Made made{TextOf(source), {}};
  SmileyFrame caller;
  if (smiley_innermost_frame(PyThreadState_Get(), &caller)) {
    const CodeInfo* info = process->codes().Of(caller.code);
    made.maker = {true, info->included, info->library};
  }
  return made;
}

// Runs `call`, which compiles `source`. A code object is run without being compiled.
template <typename Call>
PyObject* WithText(PyObject* source, Call call) {
  Process* process = Process::instance();
  if (!Pass() || process == nullptr || process->off()) return call();
  const SourceTexts::Running running(PyCode_Check(source) ? SourceTexts::Made() : MadeOf(source, process));
  return call();
}

PyObject* ExecFast(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  const auto call = [&] { return As<Fast>(g_exec.original)(self, args, count); };
  return count > 0 ? WithText(args[0], call) : call();
}
PyObject* ExecKeywords(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const auto call = [&] { return As<FastKeywords>(g_exec.original)(self, args, count, names); };
  return count > 0 ? WithText(args[0], call) : call();
}
PyObject* EvalFast(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  const auto call = [&] { return As<Fast>(g_eval.original)(self, args, count); };
  return count > 0 ? WithText(args[0], call) : call();
}
PyObject* EvalKeywords(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const auto call = [&] { return As<FastKeywords>(g_eval.original)(self, args, count, names); };
  return count > 0 ? WithText(args[0], call) : call();
}
PyObject* CompileKeywords(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  PyObject* result = As<FastKeywords>(g_compile.original)(self, args, count, names);
  Process* process = Process::instance();
  if (!Pass()) return result;
  if (result != nullptr && count > 0 && process != nullptr && !process->off() && PyCode_Check(result)) {
    process->sources().Remember(result, MadeOf(args[0], process));
  }
  return result;
}

bool SwapFast(Swap* swap, const char* name, Fast plain, FastKeywords keywords) {
  PyMethodDef* definition = FindDefinition("builtins", name);
  if (definition == nullptr || !(definition->ml_flags & METH_FASTCALL)) return false;
  const auto function = (definition->ml_flags & METH_KEYWORDS) ? reinterpret_cast<void (*)()>(keywords)
                                                               : reinterpret_cast<void (*)()>(plain);
  return swap->Set(definition, reinterpret_cast<PyCFunction>(function));
}

}  // namespace

bool WatchNewThreads(void (*started)()) {
  g_started = started;
  const bool any = SwapStarter<0>();
  SwapStarter<1>();
  SwapStarter<2>();
  return any;
}

void UnwatchNewThreads() {
  for (Swap& swap : g_starters) swap.Undo();
  g_started = nullptr;
}

bool WatchCompiling() {
  bool all = SwapFast(&g_exec, "exec", &ExecFast, &ExecKeywords);
  all = SwapFast(&g_eval, "eval", &EvalFast, &EvalKeywords) && all;
  PyMethodDef* compile = FindDefinition("builtins", "compile");
  if (compile == nullptr || !(compile->ml_flags & METH_KEYWORDS)) return false;
  return g_compile.Set(compile, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&CompileKeywords))) && all;
}

void UnwatchCompiling() {
  g_exec.Undo();
  g_eval.Undo();
  g_compile.Undo();
}

}  // namespace smiley::tracer
