// Thread rule: call with the GIL held; one Fingerprint per traced thread. Never runs the program's code, keeps no
// reference.
//
// Whether a value with parts below its first level still shows what it showed, without encoding it: a number made of
// everything that Encoder::EncodeValue looks at, in the order in which it looks; Encoder::print() is the same number.
// Equal numbers, equal encodings (but for one collision in 2^64); the same encoding may have another number, so a new
// one says no more than "encode and see".
#pragma once

#include <Python.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "tracer/values/encoder.h"
#include "tracer/values/level.h"
#include "tracer/values/quick_value.h"
#include "tracer/values/seen.h"

namespace smiley::tracer {

class Fingerprint {
 public:
  explicit Fingerprint(CaptureContext* context);
  // 0: cannot be said, because it is too large or shows what has no cheaper comparison than showing it (exceptions).
  std::uint64_t Of(PyObject* object);

 private:
  void Item(PyObject* object, int depth);
  void Inside(PyObject* object, const TypeInfo& info, int depth);
  // REQUIRES a container, and no more than that is shown of it: its items are looked at where they lie.
  void InPlace(PyObject* object, const TypeInfo& info, int depth);

  CaptureContext* context_;
  SeenObjects seen_;
  std::vector<std::unique_ptr<Level>> levels_;  // scratch, one a depth
  Print print_;
  int nodes_ = 0;
  bool unsure_ = false;
};

}  // namespace smiley::tracer
