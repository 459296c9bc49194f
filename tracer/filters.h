// Thread rule: immutable after construction; call with the GIL held.
//
// Which code is recorded. Leaving code out does not leave out what it calls.
#pragma once

#include <Python.h>

#include <string>
#include <string_view>

#include "tracer/options.h"

namespace smiley::tracer {

class Filters {
 public:
  // `stdlib`: the directory of the standard library, `cwd`: the directory at the start.
  Filters(const Options* options, std::string stdlib, std::string cwd);
  bool Includes(PyCodeObject* code) const;
  // The rule that decides for a file: "excluded by PATTERN", "standard library", …
  bool Decide(std::string_view file, std::string* rule) const;
  // As events show it: absolute, names like <string> unchanged.
  std::string AbsoluteFile(std::string_view file) const;

 private:
  const Options* options_;
  std::string stdlib_;
  std::string cwd_;
};

// Directory of the running interpreter's standard library, with a slash at the end; empty when unknown.
std::string StandardLibraryDirectory();

}  // namespace smiley::tracer
