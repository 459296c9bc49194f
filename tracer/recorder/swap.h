// Thread rule: call with the GIL held.
//
// Replaces functions of the interpreter by the tracer's. Only the C function pointer in their method definition is
// changed, so the program's objects stay the same, also bound methods that it took earlier.
#pragma once

#include <Python.h>

namespace smiley::tracer {

// The definition of a module's C function; null when the name is no C function.
PyMethodDef* FindDefinition(const char* module, const char* name);

// The object under that name in the class's own dict, not in its bases. Borrowed; null when there is none.
PyObject* FindInType(PyTypeObject* type, const char* name);
// The definition of a class's C method; null when the name is no C method.
PyMethodDef* FindMethod(PyTypeObject* type, const char* name);

// One replaced function.
struct Swap {
  PyMethodDef* definition = nullptr;
  PyCFunction original = nullptr;
  // Replaces the function. False: `where` is null, and nothing was changed.
  bool Set(PyMethodDef* where, PyCFunction replacement);
  void Undo();
};

// Whether the calling thread runs code of the main interpreter. The first call from a sub-interpreter marks the run
// incomplete: sub-interpreters are not recorded, and no tracer state may be used from there.
bool InMainInterpreter();

// Sets a function that is called whenever the main interpreter calls one of the functions below; null: none.
void SetPassing(void (*passing)());

// `started` is called in the parent, with the GIL held, after a thread was started and before it runs.
bool WatchNewThreads(void (*started)());
void UnwatchNewThreads();

// Passes the texts that exec, eval and compile are given to SourceTexts.
bool WatchCompiling();
void UnwatchCompiling();

}  // namespace smiley::tracer
