#include "tracer/hooks/extras.h"

#include <Python.h>

#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "tracer/recorder/keep_error.h"
#include "tracer/recorder/process.h"
#include "tracer/recorder/recorder.h"
#include "tracer/values/level.h"
#include "tracer/values/text_forms.h"

namespace smiley::tracer {
namespace {

ThreadRecorder* Recorder() {
  Process* process = Process::instance();
  if (process == nullptr || process->off() || PyInterpreterState_Get() != PyInterpreterState_Main()) return nullptr;
  return ThreadRecorder::Current();
}

// A function in gc.callbacks, called with the phase and a dict of counts.
PyObject* Collected(PyObject*, PyObject* args) {
  if (PyTuple_GET_SIZE(args) == 2 && PyUnicode_Check(PyTuple_GET_ITEM(args, 0)) &&
      PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(args, 0), "stop") == 0) {
    KeepError keep;
    if (ThreadRecorder* recorder = Recorder()) {
      Encoder encoder(&Process::instance()->capture());
      recorder->RecordInFrame(
          shm::Kind::kGc, 0,
          std::array{ThreadRecorder::Part{shm::Kind::kValue, 0, encoder.EncodeValue(PyTuple_GET_ITEM(args, 1))}});
    }
  }
  Py_RETURN_NONE;
}

PyMethodDef g_collected = {"smiley", &Collected, METH_VARARGS, nullptr};

bool WatchCollections() {
  PyObject* gc = PyImport_ImportModule("gc");  // a builtin module, so nothing of the program runs
  PyObject* callbacks = gc != nullptr ? PyDict_GetItemString(PyModule_GetDict(gc), "callbacks") : nullptr;
  PyObject* function =
      callbacks != nullptr && PyList_CheckExact(callbacks) ? PyCFunction_New(&g_collected, nullptr) : nullptr;
  const bool added = function != nullptr && PyList_Append(callbacks, function) == 0;
  Py_XDECREF(function);
  Py_XDECREF(gc);
  PyErr_Clear();
  return added;
}

// An audit hook. The interpreter reports "import" when it begins to import a module that is not in sys.modules.
int Imported(const char* event, PyObject* args, void*) {
  if (std::strcmp(event, "import") != 0 || args == nullptr || !PyTuple_Check(args) || PyTuple_GET_SIZE(args) < 2)
    return 0;
  PyObject* name = PyTuple_GET_ITEM(args, 0);
  // An event with a file name is the loading of an extension module, whose import was recorded before.
  if (!PyUnicode_Check(name) || PyTuple_GET_ITEM(args, 1) != Py_None || !Py_IsInitialized()) return 0;
  KeepError keep;
  ThreadRecorder* recorder = Recorder();
  if (recorder == nullptr) return 0;
  Process* process = Process::instance();
  const std::uint32_t text = process->StringId("import"), module = process->StringId("module");
  if (text == 0 || module == 0) return 0;
  Encoder encoder(&process->capture());
  recorder->RecordInFrame(shm::Kind::kMark, text,
                          std::array{ThreadRecorder::Part{shm::Kind::kSet, module, encoder.EncodeValue(name)}});
  return 0;
}

// The name of a C function that sys.setprofile reports. Empty: sys.setprofile does not report this object.
std::string NameOfBuiltin(PyObject* callable) {
  if (PyCFunction_CheckExact(callable) || PyCMethod_CheckExact(callable)) {
    return BuiltinName(reinterpret_cast<PyCFunctionObject*>(callable));
  }
  if (!Py_IS_TYPE(callable, &PyMethodDescr_Type)) return {};
  const PyMethodDescrObject* method = reinterpret_cast<PyMethodDescrObject*>(callable);
  return Types::NameOf(method->d_common.d_type) + "." + method->d_method->ml_name;
}

}  // namespace

void RecordLog(ThreadRecorder* recorder, const SmileyFrame& frame) {
  PyObject* record = frame.code->co_argcount < 2 ? nullptr : smiley_slot(&frame, 1);
  if (record == nullptr) return;
  KeepError keep;
  Process* process = Process::instance();
  const TypeInfo& type = process->capture().types.OfObject(record);
  Encoder encoder(&process->capture());
  std::array<std::string, 4> encoded;
  std::vector<ThreadRecorder::Part> parts;
  for (const auto& [name, attribute] :
       {std::pair{"logger", "name"}, {"level", "levelname"}, {"message", "msg"}, {"args", "args"}}) {
    PyObject* value = ReadAttribute(record, type, attribute);
    const std::uint32_t id = process->StringId(name);
    if (value == nullptr || id == 0 || (PyTuple_CheckExact(value) && PyTuple_GET_SIZE(value) == 0)) continue;
    std::string& bytes = encoded[parts.size()];
    bytes = encoder.EncodeValue(value);
    parts.push_back({shm::Kind::kSet, id, bytes});
  }
  if (const std::uint32_t id = process->StringId("log")) recorder->RecordInFrame(shm::Kind::kMark, id, parts);
}

void RecordBuiltinCall(ThreadRecorder* recorder, shm::Kind kind, const SmileyFrame& frame, PyObject* callable) {
  if (!recorder->IsTop(frame.key)) return;
  const std::string name = NameOfBuiltin(callable);
  if (name.empty()) return;
  KeepError keep;
  if (const std::uint32_t id = Process::instance()->StringId(name)) recorder->RecordInFrame(kind, id, {});
}

bool WatchExtras(const Options& options) {
  bool all = true;
  if (options.gc) all = WatchCollections();
  if (options.imports) all = PySys_AddAuditHook(&Imported, nullptr) == 0 && all;
  PyErr_Clear();
  return all;
}

}  // namespace smiley::tracer
