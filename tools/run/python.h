// Thread rule: functions of the main thread.
//
// Which interpreter runs the program, and whether a tracer was built for it: asked before anything is started, so
// that nothing is half begun.
#pragma once

#include <string>
#include <vector>

#include "shm/base/status.h"
#include "tools/run/handoff.h"
#include "tools/run/options.h"

namespace smiley::tools {

struct ProgramToRun {
  std::string path;               // what exec gets
  std::vector<std::string> argv;  // as the user would have typed it without smiley
  bool reads_stdin = false;       // the interpreter takes its program from standard input
};

// Finds the interpreter or command and looks whether the script can be run. On failure the exit code (125, 126, 127),
// and one line has been said.
struct Prepared {
  int exit_code = 0;  // 0: `program` is valid
  ProgramToRun program;
};
// With `failed` nothing is said: it gets the line.
Prepared PrepareProgram(const RunOptions& options, const Installation& installation, std::string* failed = nullptr);
// "3.11", "3.13t" of an executable; empty when it is no CPython.
std::string VersionOfPython(const std::string& path);
// What a Python prints when it runs `code` by itself (-I), trimmed; empty when it does not run.
std::string AskPython(const std::string& path, const std::string& code);

}  // namespace smiley::tools
