#include "tracer/hooks/children.h"

#include <Python.h>
#include <unistd.h>

#include <array>
#include <string>
#include <tuple>

#include "shm/cbor.h"
#include "tracer/recorder/keep_error.h"
#include "tracer/recorder/process.h"
#include "tracer/recorder/recorder.h"
#include "tracer/recorder/swap.h"

namespace smiley::tracer {
namespace {

Swap g_fork, g_forkpty, g_spawn, g_spawnp;

void TellPid(shm::Kind kind, long pid) {
  KeepError keep;
  Process* process = Process::instance();
  if (process == nullptr || process->off() || PyInterpreterState_Get() != PyInterpreterState_Main()) return;
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr) return;
  std::string cbor;
  {
    shm::CborWriter out(&cbor);
    out.Int(pid);
  }
  recorder->RecordInFrame(kind, 0, std::array{ThreadRecorder::Part{shm::Kind::kValue, 0, cbor}});
}

// `result`: in the parent the child's pid, in the child 0.
PyObject* Forked(PyObject* result, PyObject* pid) {
  if (result == nullptr || pid == nullptr || !PyLong_CheckExact(pid)) return result;
  const long number = PyLong_AsLong(pid);
  if (number == 0) {
    TellPid(shm::Kind::kChild, getppid());
  } else if (number > 0) {
    TellPid(shm::Kind::kFork, number);
  }
  return result;
}

PyObject* Fork(PyObject* self, PyObject* args) {
  PyObject* result = g_fork.original(self, args);
  return Forked(result, result);
}
PyObject* ForkPty(PyObject* self, PyObject* args) {
  PyObject* result = g_forkpty.original(self, args);
  return Forked(result, result != nullptr && PyTuple_Check(result) ? PyTuple_GET_ITEM(result, 0) : nullptr);
}

using FastKeywords = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

template <Swap* kSwap>
PyObject* Spawn(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const auto original = reinterpret_cast<FastKeywords>(reinterpret_cast<void (*)()>(kSwap->original));
  PyObject* result = original(self, args, count, names);
  return Forked(result, result);
}

template <Swap* kSwap>
void SetSpawn(const char* name) {
  PyMethodDef* definition = FindDefinition("posix", name);
  if (definition == nullptr || definition->ml_flags != (METH_FASTCALL | METH_KEYWORDS)) return;
  kSwap->Set(definition, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&Spawn<kSwap>)));
}

}  // namespace

void WatchChildren() {
  for (auto [name, swap, function] :
       {std::tuple{"fork", &g_fork, &Fork}, std::tuple{"forkpty", &g_forkpty, &ForkPty}}) {
    PyMethodDef* definition = FindDefinition("posix", name);
    if (definition != nullptr && definition->ml_flags == METH_NOARGS) swap->Set(definition, function);
  }
  SetSpawn<&g_spawn>("posix_spawn");
  SetSpawn<&g_spawnp>("posix_spawnp");
}

void UnwatchChildren() {
  for (Swap* swap : {&g_fork, &g_forkpty, &g_spawn, &g_spawnp}) swap->Undo();
}

}  // namespace smiley::tracer
