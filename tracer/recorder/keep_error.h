// Thread rule: call with the GIL held.
//
// The pending exception is none of the tracer's business and must be there again afterwards.
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
  // The exception as an instance where it is one already.
  PyObject* exception() const { return value_ != nullptr && PyExceptionInstance_Check(value_) ? value_ : nullptr; }
  bool pending() const { return pending_; }

 private:
  bool pending_;
  PyObject *type_ = nullptr, *value_ = nullptr, *traceback_ = nullptr;
};

}  // namespace smiley::tracer
