// Thread rule: call with the GIL held.
//
// Saves the pending exception and restores it at the end of the scope, so that the tracer's own calls cannot lose it.
#pragma once

#include <Python.h>

namespace smiley::tracer {

class KeepError {
 public:
  KeepError() : pending_(PyErr_Occurred() != nullptr) {
    if (pending_) PyErr_Fetch(&type_, &value_, &traceback_);
  }
  ~KeepError() {
    if (pending_) PyErr_Restore(type_, value_, traceback_);
  }
  KeepError(const KeepError&) = delete;
  KeepError& operator=(const KeepError&) = delete;
  // The saved exception, borrowed; null when there is none or it is not an instance yet.
  PyObject* exception() const { return value_ != nullptr && PyExceptionInstance_Check(value_) ? value_ : nullptr; }
  bool pending() const { return pending_; }

 private:
  bool pending_;
  PyObject *type_ = nullptr, *value_ = nullptr, *traceback_ = nullptr;
};

}  // namespace smiley::tracer
