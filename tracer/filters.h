// Thread rule: immutable after construction; call with the GIL held.
//
// Which code is recorded. Leaving code out does not leave out what it calls.
#pragma once

#include <Python.h>

#include <string>
#include <string_view>
#include <unordered_set>

#include "tracer/options.h"

namespace smiley::tracer {

class Filters {
 public:
  // `stdlib`: the directory of the standard library, `cwd`: the directory at the start.
  Filters(const Options* options, std::string stdlib, std::string cwd);
  // The folder of smiley's own modules.
  void SetOwn(std::string folder) { own_ = folder.empty() ? folder : folder + "/"; }
  bool Includes(PyCodeObject* code) const;
  // The rule that decides for a file: "excluded by PATTERN", "standard library", …
  bool Decide(std::string_view file, std::string* rule) const;
  // As events show it: absolute, names like <string> unchanged.
  std::string AbsoluteFile(std::string_view file) const;

 private:
  void Explain(const std::string& file, bool included, const std::string& rule) const;
  const Options* options_;
  std::string stdlib_;
  std::string cwd_;
  std::string own_;
  mutable std::unordered_set<std::string> explained_;  // files; guarded by the GIL
};

// Directory of the running interpreter's standard library, with a slash at the end; empty when unknown.
std::string StandardLibraryDirectory();

}  // namespace smiley::tracer
