// Thread rule: immutable after construction; call with the GIL held.
//
// Which code is recorded. Leaving code out does not leave out what it calls.
#pragma once

#include <Python.h>

#include <string>
#include <string_view>
#include <unordered_set>

#include "tracer/config/options.h"

namespace smiley::tracer {

// Who had a text compiled: nobody knows, or code that is recorded or not, of the standard library or not.
struct Maker {
  bool known = false;
  bool included = false;
  bool library = false;
};

class Filters {
 public:
  // `stdlib`: the directory of the standard library, `cwd`: the directory at the start.
  Filters(const Options* options, std::string stdlib, std::string cwd);
  // The folder of smiley's own modules.
  void SetOwn(const std::string& folder) { own_ = folder.empty() ? folder : folder + "/"; }
  // `maker` counts where the code has no file: <string>, and other names unless the standard library gave them
  // (doctest, timeit, prompts: texts of the program's own), are recorded as what compiled them is.
  bool Includes(PyCodeObject* code, const Maker& maker) const;
  // The rule that decides for a file: "excluded by PATTERN", "standard library", …
  bool Decide(std::string_view file, const Maker& maker, std::string* rule) const;
  // Part of the standard library, whether recorded or not.
  bool InLibrary(PyCodeObject* code) const;
  // Of methods that the standard library is known to make, when their making was not seen.
  Maker UsualMaker(PyCodeObject* code) const;
  // As events show it: absolute, names like <string> unchanged.
  std::string AbsoluteFile(std::string_view file) const;

 private:
  void Explain(const std::string& file, bool included, const std::string& rule) const;
  bool LibraryFile(std::string_view file) const;
  const Options* options_;
  std::string stdlib_;
  std::string cwd_;
  std::string own_;
  mutable std::unordered_set<std::string> explained_;  // files; guarded by the GIL
};

// Directory of the running interpreter's standard library, with a slash at the end; empty when unknown.
std::string StandardLibraryDirectory();

}  // namespace smiley::tracer
