// Thread rule: immutable after construction; call with the GIL held.
//
// Decides which code is recorded. Code that is called from code that was left out is decided by itself.
#pragma once

#include <Python.h>

#include <string>
#include <string_view>
#include <unordered_set>

#include "tracer/config/options.h"

namespace smiley::tracer {

// The code that compiled a text: unknown, or recorded or not, in the standard library or not.
struct Maker {
  bool known = false;
  bool included = false;
  bool library = false;
};

class Filters {
 public:
  // `stdlib`: the directory of the standard library, `cwd`: the directory at the start.
  Filters(const Options* options, std::string stdlib, std::string cwd);
  // Sets the folder of smiley's own modules, whose code is never recorded.
  void SetOwn(const std::string& folder) { own_ = folder.empty() ? folder : folder + "/"; }
  // Code that is in no file is recorded as its `maker` is. Exception: under a name that the standard library gave
  // (doctest, timeit, prompts) it counts as the program's own.
  bool Includes(PyCodeObject* code, const Maker& maker) const;
  // Whether a file is recorded, and in *rule the rule that decided: "--exclude PATTERN", "standard library", …
  bool Decide(std::string_view file, const Maker& maker, std::string* rule) const;
  // Whether the code is part of the standard library, recorded or not.
  bool InLibrary(PyCodeObject* code) const;
  // The maker of methods that the standard library generates, for code that was compiled before recording began.
  Maker UsualMaker(PyCodeObject* code) const;
  // The file's path as events show it: absolute; names like <string> stay unchanged.
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
