// Thread rule: a WrittenText is a plain value; call with the GIL held.
//
// A text on its way into a kText attachment: gathered from several writes, masked, cut, encoded.
#pragma once

#include <Python.h>

#include <string>
#include <string_view>

#include "tracer/values/capture_context.h"

namespace smiley::tracer {

class WrittenText {
 public:
  // UTF-8 bytes that one event shows; what is longer says how many characters were left out.
  static constexpr std::size_t kMostBytes = 32'000;

  bool empty() const { return text_.empty() && cut_ == 0; }
  void Add(PyObject* text);  // REQUIRES PyUnicode_Check
  void Add(std::string_view bytes);
  // The CBOR item. Gathering begins anew afterwards.
  std::string Take(const Secrets& secrets);

 private:
  // More than is shown, so that a secret across the cut is still found whole.
  static constexpr std::size_t kGathered = kMostBytes + 4096;
  std::string text_;
  Py_ssize_t cut_ = 0;
  bool surrogates_ = false;
};

}  // namespace smiley::tracer
