// Thread rule: call with the GIL held; one Fingerprint per traced thread. Never runs the program's code, keeps no
// reference.
//
// A number by which a value with nested parts is compared without encoding it. It mixes everything that
// Encoder::EncodeValue visits, in the same order; Encoder::print() is the same number.
//
// When print() of one encoding equals Of() later, encoding again would give the same bytes (but for one collision in
// 2^64). Another number does not prove a change: the value must then be encoded and compared.
// tests/tracer/walks.cc holds the two walks together.
#pragma once

#include <Python.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "tracer/values/capture_context.h"
#include "tracer/values/level.h"
#include "tracer/values/quick_value.h"
#include "tracer/values/seen.h"

namespace smiley::tracer {

class Fingerprint {
 public:
  explicit Fingerprint(CaptureContext* context);
  // The fingerprint of the value. 0: it has none, because it is too large or contains an exception.
  std::uint64_t Of(PyObject* object);

 private:
  void Item(PyObject* object, int depth);
  void Inside(PyObject* object, const TypeInfo& info, int depth);
  // Mixes the items of a container, read in place. REQUIRES a container of which no attributes are shown.
  void InPlace(PyObject* object, const TypeInfo& info, int depth);

  CaptureContext* context_;
  SeenObjects seen_;
  std::vector<std::unique_ptr<Level>> levels_;  // scratch, one for each depth
  Print print_;
  int nodes_ = 0;        // nodes left for this value
  bool unsure_ = false;  // this value has no fingerprint
};

}  // namespace smiley::tracer
