// Thread rule: functions of the main thread.
//
// Finds the interpreter that runs the program, and checks that a tracer was built for it. This happens before
// anything is started, so that a failure leaves nothing behind.
#pragma once

#include <string>
#include <vector>

#include "shm/base/status.h"
#include "tools/run/handoff.h"
#include "tools/run/options.h"

namespace smiley::tools {

struct ProgramToRun {
  std::string path;               // the executable
  std::vector<std::string> argv;  // the command as typed without smiley
  bool reads_stdin = false;       // the interpreter reads the program from standard input
};

struct Prepared {
  int exit_code = 0;  // 0 = `program` is valid; otherwise 125, 126 or 127
  ProgramToRun program;
};
// Finds the interpreter or command and checks the script. On failure it says one line, or stores the line in `failed`
// when that is not null.
Prepared PrepareProgram(const RunOptions& options, const Installation& installation, std::string* failed = nullptr);
// The version of an executable: "3.11", "3.13t". Empty when it is not CPython.
std::string VersionOfPython(const std::string& path);
// The output of `python -I -c code` without the last newlines. Empty when the interpreter does not run.
std::string AskPython(const std::string& path, const std::string& code);

}  // namespace smiley::tools
