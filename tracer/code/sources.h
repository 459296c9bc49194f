// Thread rule: guarded by the GIL.
//
// The source texts of the program as it ran: files, read when their code is first met, and the texts that were given
// to exec, eval, compile and -c, which are in no file.
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

// Whether a code object's file name names no file, as <string> does.
inline bool IsStandInFile(std::string_view file) {
  return file.size() >= 2 && file.front() == '<' && file.back() == '>';
}

class SourceTexts {
 public:
  using Text = std::shared_ptr<const std::string>;
  // Sets the text of a program that came by -c or standard input, under its stand-in file name.
  void SetProgram(std::string file, std::string text);
  // The text from which code was compiled (null: unknown) and the code that compiled it.
  struct Made {
    Text text;
    Maker maker;
  };
  // While a Running lives, code that the calling thread runs for the first time counts as made so. An exec of a code
  // object has an empty one, so that an outer Running does not count for it.
  class Running {
   public:
    explicit Running(Made made);
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running();

   private:
    std::size_t depth_;
  };
  // Remembers how the code object and the code objects within it were made.
  void Remember(PyObject* code, const Made& made);
  // Moves the remembered entry of the code object to *made. False: there is none.
  bool Take(PyCodeObject* code, Made* made);
  // The innermost Running's entry for code with a stand-in name, which is also remembered for the code within.
  Made TakeRunning(PyCodeObject* code);
  // The text of the code's file, or of the program for a stand-in name; null when it is unknown. `file` is an
  // absolute path or a stand-in name.
  Text OfFile(PyCodeObject* code, const std::string& file);

 private:
  struct Entry {
    Made made;
    std::uint64_t mark;  // of the code object's names; detects another one at the same address
  };
  Text ReadFile(const std::string& file);
  std::unordered_map<std::string, Text> files_;
  std::unordered_map<PyCodeObject*, Entry> compiled_;
};

}  // namespace smiley::tracer
