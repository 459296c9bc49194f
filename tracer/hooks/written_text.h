// Thread rule: a WrittenText is a plain value; call with the GIL held.
//
// The text of one output event: gathered from one or more writes, masked, cut and encoded for a kText attachment.
#pragma once

#include <Python.h>

#include <string>
#include <string_view>

#include "tracer/values/capture_context.h"

namespace smiley::tracer {

class WrittenText {
 public:
  // UTF-8 bytes of one event. A longer text is cut and gives the number of characters left out.
  static constexpr std::size_t kMostBytes = 32'000;

  bool empty() const { return text_.empty() && cut_ == 0; }
  void Add(PyObject* text);  // REQUIRES PyUnicode_Check
  void Add(std::string_view bytes);
  // Encodes the text as a CBOR item and empties this object.
  std::string Take(const Secrets& secrets);

 private:
  // The most bytes gathered. They are more than are recorded, so that a secret across the cut is masked, too.
  static constexpr std::size_t kGathered = kMostBytes + 4096;
  std::string text_;
  Py_ssize_t cut_ = 0;
  bool surrogates_ = false;
};

}  // namespace smiley::tracer
