// Thread rule: call with the GIL held.
//
// Functions of the interpreter that the tracer stands in front of: only the C function pointer in their method
// definition changes, so the objects that the program sees are the same, bound methods taken earlier included.
#pragma once

#include <Python.h>

namespace smiley::tracer {

// The definition of a C function that a module has under that name; null when it is not one.
PyMethodDef* FindDefinition(const char* module, const char* name);

// What a class has under that name itself, not through its bases; borrowed, null when there is nothing.
PyObject* FindInType(PyTypeObject* type, const char* name);
// The definition of a C method of a class, null when it is not one.
PyMethodDef* FindMethod(PyTypeObject* type, const char* name);

struct Swap {
  PyMethodDef* definition = nullptr;
  PyCFunction original = nullptr;
  // False, and nothing done, when `where` is null.
  bool Set(PyMethodDef* where, PyCFunction replacement);
  void Undo();
};

// Whether the calling thread runs code of the main interpreter. The first time that it does not, the run is marked
// incomplete: sub-interpreters are not recorded, and nothing of the tracer may be touched from there.
bool InMainInterpreter();

// Called whenever the main interpreter comes through one of these functions; null for none.
void SetPassing(void (*passing)());

// `started` is called in the parent, with the GIL held, after a thread was started and before it runs.
bool WatchNewThreads(void (*started)());
void UnwatchNewThreads();

// exec, eval and compile tell the source book what texts they were given.
bool WatchCompiling();
void UnwatchCompiling();

}  // namespace smiley::tracer
