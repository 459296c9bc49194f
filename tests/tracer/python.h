// Thread rule: call with the GIL held, which every test does.
//
// Helpers of the tracer's suites: Python values, captured values as text, and a count of calls of Python functions.
#pragma once

#include <Python.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tracer/config/options.h"
#include "tracer/values/encoder.h"

namespace smiley::tracer::test {

// A module namespace of its own, named __main__ like a program's.
class Python {
 public:
  Python();
  ~Python();
  Python(const Python&) = delete;
  Python& operator=(const Python&) = delete;
  // Executes statements. An exception fails the test.
  void Run(const std::string& statements);
  // The value of an expression, borrowed: it lives as long as this object. An exception fails the test.
  PyObject* Eval(const std::string& expression);

 private:
  PyObject* names_;
  std::vector<PyObject*> kept_;
};

// A captured value or a patch as text: forms by the names of shm/FORMAT.md with their fields, `list(1, 0, [1, 2])`;
// texts quoted, bytes as h'00ff'. Bytes that are not CBOR give "bad".
std::string Show(std::string_view cbor);

// An encoder with limits of its own and the objects that it needs; object numbers begin with 1.
struct Capture {
  explicit Capture(const Limits& limits = {}) {
    options.limits = limits;
    context.options = &options;
    encoder = std::make_unique<Encoder>(&context);
  }
  Options options;
  CaptureContext context;
  std::unique_ptr<Encoder> encoder;
};

// Counts the calls of Python functions in this thread while it lives.
class CallCounter {
 public:
  CallCounter();
  ~CallCounter();
  CallCounter(const CallCounter&) = delete;
  CallCounter& operator=(const CallCounter&) = delete;
  int calls() const { return calls_; }

 private:
  static int Count(PyObject* self, PyFrameObject* frame, int what, PyObject* argument);
  PyObject* self_;  // a capsule with `this`
  int calls_ = 0;
};

}  // namespace smiley::tracer::test
