// Thread rule: pure functions; call with the GIL held.
//
// Finds out where an exception that a hook gets came from, and whether a loop swallows it.
#pragma once

#include <Python.h>
#include <opcode.h>

#include "tracer/code/code_info.h"

namespace smiley::tracer {

// Whether the exception came from a callee: its traceback has entries below this frame. `traceback` may be null.
inline bool IsPropagated(const CodeInfo& code, int lasti, PyObject* traceback) {
  const bool deeper = traceback != nullptr && PyTraceBack_Check(traceback) &&
                      reinterpret_cast<PyTracebackObject*>(traceback)->tb_next != nullptr;
  return deeper && code.OpcodeAt(lasti) != RAISE_VARARGS;
}

// Whether a loop over an iterator swallows the exception (StopIteration), so that no handler follows.
inline bool IsSwallowedByLoop(const CodeInfo& code, int lasti, PyObject* exception) {
  const int opcode = code.OpcodeAt(lasti);
  return (opcode == FOR_ITER || opcode == SEND
#ifdef END_ASYNC_FOR
          || opcode == END_ASYNC_FOR
#endif
          ) &&
         (PyErr_GivenExceptionMatches(exception, PyExc_StopIteration) ||
          PyErr_GivenExceptionMatches(exception, PyExc_StopAsyncIteration));
}

}  // namespace smiley::tracer
