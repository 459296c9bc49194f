// Thread rule: guarded by the GIL.
//
// The text of the program as it ran: files when their code is first seen, and what was given to exec, eval, compile
// and -c, of which no file exists.
#pragma once

#include <Python.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tracer/code/filters.h"

namespace smiley::tracer {

// A name that stands for a file that there is not, as <string>.
inline bool IsStandInFile(std::string_view file) {
  return file.size() >= 2 && file.front() == '<' && file.back() == '>';
}

class SourceTexts {
 public:
  using Text = std::shared_ptr<const std::string>;
  // Program text given on the command line or through standard input, for the stand-in file name.
  void SetProgram(std::string file, std::string text);
  // What code was made of (null: nobody knows) and by whom.
  struct Made {
    Text text;
    Maker maker;
  };
  // While it lives, code that the calling thread runs for the first time was made so. Not for others that run within,
  // so what runs a code object has one as well, which says nothing.
  class Running {
   public:
    explicit Running(Made made);
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running();

   private:
    std::size_t depth_;
  };
  // The code object (and those within it) was made so.
  void Remember(PyObject* code, const Made& made);
  // What was remembered of the code, which is used up so; false when it was nothing.
  bool Take(PyCodeObject* code, Made* made);
  // What the text that is running says of code with a stand-in's name, and remembered for the code within it.
  Made TakeRunning(PyCodeObject* code);
  // The text of the code's file, or of the program where that has none; null when nobody has it. `file` is absolute
  // or a stand-in.
  Text OfFile(PyCodeObject* code, const std::string& file);

 private:
  struct Entry {
    Made made;
    std::uint64_t mark;  // an address may be used again
  };
  Text ReadFile(const std::string& file);
  std::unordered_map<std::string, Text> files_;
  std::unordered_map<PyCodeObject*, Entry> compiled_;
};

}  // namespace smiley::tracer
