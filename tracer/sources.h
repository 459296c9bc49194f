// Thread rule: guarded by the GIL.
//
// The text of the program as it ran: files when their code is first seen, and what was given to exec, eval, compile and
// -c, of which no file exists.
#pragma once

#include <Python.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace smiley::tracer {

class SourceBook {
 public:
  using Text = std::shared_ptr<const std::string>;
  // Program text given on the command line or through standard input, for the stand-in file name.
  void SetProgram(std::string file, std::string text);
  // While a text is compiled and run: the code objects made of it belong to it.
  void Push(Text text) { running_.push_back(std::move(text)); }
  void Pop() { running_.pop_back(); }
  // The code object (and those within it) was compiled from the text.
  void Remember(PyObject* code, const Text& text);
  // What the code was made of, null when nobody knows. `file` is absolute or a stand-in.
  Text Find(PyCodeObject* code, const std::string& file);

 private:
  Text ReadFile(const std::string& file);
  std::unordered_map<std::string, Text> files_;
  std::unordered_map<PyCodeObject*, Text> compiled_;
  std::vector<Text> running_;
};

}  // namespace smiley::tracer
