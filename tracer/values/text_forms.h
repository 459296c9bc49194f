// Thread rule: call with the GIL held; runs none of the program's code, keeps no reference.
//
// Values that are written as a text, and the C structs whose fields the texts are made of.
#pragma once

#include <Python.h>

#include <cstring>
#include <string>

#include "tracer/values/types.h"

namespace smiley::tracer {

// Text forms of known types (ranges, dates, functions …), and of arguments in exception messages.
std::string KnownText(PyObject* object, const TypeInfo& info, Types* types, const char** type_name);
// "len", "time.sleep", "list.append"; module, class and name as the function's own C fields have them.
std::string BuiltinName(const PyCFunctionObject* function);
// Like repr() for exact builtins, "<module.Class object>" for everything else.
std::string SafeRepr(PyObject* object, Types* types, int depth = 0);
// The leading decimal digits of an int, with its sign.
std::string IntText(PyObject* object, std::size_t digits);
std::string ExceptionMessage(PyObject* exception, Types* types);
// That is made of the exception's args alone, whatever else it has.
bool MessageIsArguments(PyTypeObject* type);
// What the type's own str() says. REQUIRES an exact C type whose str() looks for no signals.
std::string StrOf(PyObject* object);

// A range's fields; the same in all versions.
struct RangeFields {
  PyObject_HEAD PyObject *start, *stop, *step;
};
// The head of numpy's array object, the same in its versions 1 and 2.
struct NdArrayHead {
  PyObject_HEAD char* data;
  int nd;
  Py_intptr_t* dimensions;
  Py_intptr_t* strides;
  PyObject* base;
  PyObject* descr;
};
struct NdDescrHead {
  PyObject_HEAD PyTypeObject* typeobj;
};
// datetime.timezone's fields, the same in all versions: a timedelta, and a name or null. Other time zones would run
// code of their own to say what they are: they are named by their class.
struct FixedZone {
  PyObject_HEAD PyObject *offset, *name;
};
inline bool IsFixedZone(PyObject* zone) {
  const PyTypeObject* type = Py_TYPE(zone);
  const bool c = (type->tp_flags & (Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_IMMUTABLETYPE)) != Py_TPFLAGS_HEAPTYPE;
  return c && std::strcmp(type->tp_name, "datetime.timezone") == 0;
}

}  // namespace smiley::tracer
