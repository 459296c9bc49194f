#include "tracer/recorder/python_thread.h"

#include <Python.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracer/values/level.h"
#include "tracer/values/types.h"

namespace smiley::tracer {
namespace {

struct Ending {
  void (*function)(void*);
  void* context;
};

pthread_key_t EndKey() {
  static const pthread_key_t key = [] {
    pthread_key_t made;
    pthread_key_create(&made, [](void* value) {
      Ending* ending = static_cast<Ending*>(value);
      ending->function(ending->context);
      delete ending;
    });
    return made;
  }();
  return key;
}

}  // namespace

void OnThreadEnd(void (*function)(void*), void* context) {
  pthread_setspecific(EndKey(), new Ending{function, context});
}

std::string PythonThreadName() {
  const bool main = getpid() == static_cast<pid_t>(syscall(SYS_gettid));
  PyObject* threading = PyDict_GetItemString(PyImport_GetModuleDict(), "threading");
  std::string name;
  if (threading != nullptr && PyModule_Check(threading)) {
    PyObject* active = PyDict_GetItemString(PyModule_GetDict(threading), "_active");
    PyObject* limbo = PyDict_GetItemString(PyModule_GetDict(threading), "_limbo");
    Types types;
    PyObject *key, *value;
    Py_ssize_t pos = 0;
    const unsigned long ident = PyThread_get_thread_ident();
    if (active != nullptr && PyDict_CheckExact(active)) {
      while (PyDict_Next(active, &pos, &key, &value)) {
        if (!PyLong_CheckExact(key) || PyLong_AsUnsignedLong(key) != ident) continue;
        PyObject* text = ReadAttribute(value, types.OfObject(value), "_name");
        if (text != nullptr && PyUnicode_Check(text)) name = Utf8(text);
      }
    }
    // A thread runs its first calls before threading adds it to _active.
    if (name.empty() && !main && limbo != nullptr && PyDict_CheckExact(limbo) && PyDict_GET_SIZE(limbo) == 1) {
      pos = 0;
      while (PyDict_Next(limbo, &pos, &key, &value)) {
        PyObject* text = ReadAttribute(key, types.OfObject(key), "_name");
        if (text != nullptr && PyUnicode_Check(text)) name = Utf8(text);
      }
    }
    PyErr_Clear();
  }
  if (!name.empty()) return name;
  return main ? "MainThread" : kUnnamedThread;
}

}  // namespace smiley::tracer
