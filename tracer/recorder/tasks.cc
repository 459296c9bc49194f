#include "tracer/recorder/tasks.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "tracer/interp/interp.h"
#include "tracer/recorder/keep_error.h"
#include "tracer/recorder/process.h"
#include "tracer/recorder/swap.h"
#include "tracer/values/level.h"

namespace smiley::tracer {

bool TaskWatch::loaded_ = false;

namespace {

// The parts of asyncio that are read. They live as long as the interpreter. Everything here is guarded by the GIL.
struct Asyncio {
  PyObject* current = nullptr;       // asyncio.tasks._current_tasks, a dict from loop to task
  PyObject* running_loop = nullptr;  // _get_running_loop
  PyTypeObject* task = nullptr;      // _asyncio.Task, the class written in C; null: not loaded
  PyMethodDef *get_name = nullptr, *get_coro = nullptr;
} g_asyncio;

struct NamedTask {
  std::uint32_t number = 0;
  std::string name;
};
// The key is the task's address, which a later task may reuse.
std::unordered_map<PyObject*, NamedTask>& NamedTasks() {
  static auto* tasks = new std::unordered_map<PyObject*, NamedTask>;
  return *tasks;
}

PyObject* InModule(const char* module, const char* name) {
  PyObject* found = PyDict_GetItemString(PyImport_GetModuleDict(), module);
  return found != nullptr && PyModule_Check(found) ? PyDict_GetItemString(PyModule_GetDict(found), name) : nullptr;
}

bool IsCTask(PyObject* task) { return g_asyncio.task != nullptr && PyObject_TypeCheck(task, g_asyncio.task); }

// The result of a task's method, or its attribute where the task is written in Python. A new reference, or null.
PyObject* Ask(PyObject* task, PyMethodDef* method, const char* attribute) {
  if (IsCTask(task)) return method != nullptr ? method->ml_meth(task, nullptr) : nullptr;
  Types& types = Process::instance()->capture().types;
  PyObject* value = ReadAttribute(task, types.OfObject(task), attribute);
  Py_XINCREF(value);
  return value;
}

std::string NameOf(PyObject* task) {
  PyObject* name = Ask(task, g_asyncio.get_name, "_name");
  std::string text = name != nullptr && PyUnicode_Check(name) ? Utf8(name) : std::string();
  Py_XDECREF(name);
  PyErr_Clear();
  return text;
}

// Whether the frame belongs to the task's own coroutine. A coroutine's frame is inside the coroutine object.
bool IsOwnFrame(PyObject* task, void* key) {
  PyObject* coroutine = Ask(task, g_asyncio.get_coro, "_coro");
  PyErr_Clear();
  if (coroutine == nullptr) return false;
  const char* begin = reinterpret_cast<const char*>(coroutine);
  const char* at = static_cast<const char*>(key);
  const bool own = at > begin && at < begin + Py_TYPE(coroutine)->tp_basicsize;
  Py_DECREF(coroutine);
  return own;
}

// Whether asyncio chose the name ("Task-7"). asyncio gives no two tasks the same name.
bool IsGivenName(const std::string& name) {
  return name.size() > 5 && name.compare(0, 5, "Task-") == 0 &&
         std::all_of(name.begin() + 5, name.end(), [](unsigned char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

// The program may import asyncio at any time. It is looked up only when the number of modules has changed.
bool TaskWatch::Load() {
  static Py_ssize_t modules_seen = 0;
  PyObject* modules = PyImport_GetModuleDict();
  if (!PyDict_Check(modules) || PyDict_GET_SIZE(modules) == modules_seen) return false;
  modules_seen = PyDict_GET_SIZE(modules);
  KeepError keep;
  PyObject* current = InModule("asyncio.tasks", "_current_tasks");
  PyObject* running_loop = InModule("asyncio.events", "_get_running_loop");
  if (current == nullptr || !PyDict_Check(current) || running_loop == nullptr || !PyCFunction_Check(running_loop))
    return false;
  PyObject* task = InModule("_asyncio", "Task");
  if (task != nullptr && PyType_Check(task)) {
    g_asyncio.task = reinterpret_cast<PyTypeObject*>(task);
    const auto method = [](const char* name) {
      PyMethodDef* found = FindMethod(g_asyncio.task, name);
      return found != nullptr && found->ml_flags == METH_NOARGS ? found : nullptr;
    };
    g_asyncio.get_name = method("get_name");
    g_asyncio.get_coro = method("get_coro");
  }
  Py_INCREF(current);
  Py_INCREF(running_loop);
  g_asyncio.current = current;
  g_asyncio.running_loop = running_loop;
  return loaded_ = true;
}

// A borrowed reference: asyncio's table or the thread owns the task.
PyObject* TaskWatch::Current() {
  if (PyObject* task = smiley_running_task()) return task;
  if (PyDict_GET_SIZE(g_asyncio.current) == 0) return nullptr;
  const auto of_loop = [this]() -> PyObject* {
    PyObject *loop, *task;
    Py_ssize_t pos = 0;
    while (PyDict_Next(g_asyncio.current, &pos, &loop, &task)) {
      if (loop == loop_) return task == Py_None ? nullptr : task;
    }
    return nullptr;
  };
  PyObject* task = loop_ != nullptr ? of_loop() : nullptr;
  if (task != nullptr && !marks_.empty() && marks_.back().task == task) return task;
  // A new loop may have the address of a dead one. So the thread's loop is looked up before the task counts as
  // changed.
  KeepError keep;
  PyCFunctionObject* function = reinterpret_cast<PyCFunctionObject*>(g_asyncio.running_loop);
  PyObject* loop = function->m_ml->ml_meth(function->m_self, nullptr);
  PyErr_Clear();
  loop_ = loop == Py_None ? nullptr : loop;
  Py_XDECREF(loop);
  return loop_ != nullptr ? of_loop() : nullptr;
}

std::uint32_t TaskWatch::NumberOf(PyObject* task, void* key, bool first) {
  KeepError keep;
  std::string name = NameOf(task);
  auto [it, fresh] = NamedTasks().try_emplace(task);
  NamedTask& known = it->second;
  if (!fresh) {
    const bool another = (first && key != nullptr && IsOwnFrame(task, key)) ||
                         (name != known.name && IsGivenName(name) && IsGivenName(known.name));
    if (!another && name == known.name) return known.number;
    fresh = another;
  }
  if (fresh) known.number = process_->NextTask();
  known.name = std::move(name);
  process_->NameTask(known.number, known.name);
  return known.number;
}

bool TaskWatch::Compare(void* key, bool first, std::size_t depth) {
  PyObject* task = Current();
  const std::uint32_t before = number();
  if (task == (marks_.empty() ? nullptr : marks_.back().task)) {
    // At a first step, the same address may belong to a new task.
    if (task == nullptr || !first || marks_.back().base < depth) return false;
  }
  while (!marks_.empty() && marks_.back().base >= depth) marks_.pop_back();
  if (task != (marks_.empty() ? nullptr : marks_.back().task)) {
    marks_.push_back({task, task == nullptr ? 0 : NumberOf(task, key, first), depth});
  }
  Rebase();
  return number() != before;
}

bool TaskWatch::Leave(std::size_t depth) {
  const std::uint32_t before = number();
  while (!marks_.empty() && marks_.back().base >= depth) {
    // The program may have named the task during its step.
    PyObject* task = marks_.back().task;
    if (task != nullptr && task == Current()) NumberOf(task, nullptr, false);
    marks_.pop_back();
  }
  Rebase();
  return number() != before;
}

void TaskWatch::Forget() {
  marks_.clear();
  Rebase();
  NamedTasks().clear();
}

}  // namespace smiley::tracer
