// Thread rule: call with the GIL held; runs none of the program's code, keeps no reference.
//
// Text forms of values (ranges, dates, functions …), and the C structs from whose fields the texts are formed.
#pragma once

#include <Python.h>

#include <cstring>
#include <string>

#include "tracer/values/types.h"

namespace smiley::tracer {

// The text form of a value, and in *type_name the form's `type` field. A null *type_name: the value has no text form.
std::string KnownText(PyObject* object, const TypeInfo& info, Types* types, const char** type_name);
// "len", "time.sleep", "list.append": module, class and name from the function's C fields.
std::string BuiltinName(const PyCFunctionObject* function);
// The repr() of exact builtins, "<module.Class object>" for all other objects. Runs no code of the program.
std::string SafeRepr(PyObject* object, Types* types, int depth = 0);
// The leading decimal digits of an int, with its sign.
std::string IntText(PyObject* object, std::size_t digits);
std::string ExceptionMessage(PyObject* exception, Types* types);
// Whether the message of such exceptions is formed from the args alone, and from no other field.
bool MessageIsArguments(PyTypeObject* type);
// The text of the type's own str(). REQUIRES an exact C type whose str() handles no pending signals.
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
// datetime.timezone's fields, the same in all versions: a timedelta, and a name or null. Other time zones would have
// to run their own code for an offset, so they are shown by their class.
struct FixedZone {
  PyObject_HEAD PyObject *offset, *name;
};
inline bool IsFixedZone(PyObject* zone) {
  const PyTypeObject* type = Py_TYPE(zone);
  const bool c = (type->tp_flags & (Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_IMMUTABLETYPE)) != Py_TPFLAGS_HEAPTYPE;
  return c && std::strcmp(type->tp_name, "datetime.timezone") == 0;
}

}  // namespace smiley::tracer
