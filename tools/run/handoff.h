// Thread rule: plain values and functions of the main thread.
//
// The writing side of what tracer/preload/preload_config.h describes: the two environment entries that turn a program
// into a recorded one, and where the parts that go into it lie.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shm/base/home.h"
#include "shm/base/status.h"
#include "tools/run/options.h"

namespace smiley::tools {

// Where smiley's own files lie, found from the running program.
struct Installation {
  std::string smiley;      // the program itself
  std::string module_dir;  // lib/smiley: preload library and tracer modules
  std::string library;     // the preload library, by a path that the loader can take
};
// kNotFound: the library is not beside this program. May make a link in the temporary folder: the loader splits
// LD_PRELOAD at spaces and colons.
Result<Installation> FindInstallation();
// "3.11", "3.13t": the Pythons that a tracer module is there for.
std::vector<std::string> BuiltPythons(const Installation& installation);

struct Handoff {
  std::string run;
  std::int64_t wall_minus_mono_ns = 0;
  std::string stdin_source;  // empty = none
  std::string ledger;        // of --capture-fd; empty = none
};
// The environment of the program: `environment` as it is, then the two entries. kInvalid: longer than the system
// takes.
Result<std::vector<std::string>> RecordedEnvironment(char** environment, const RunOptions& options,
                                                     const Handoff& handoff, const shm::Home& home,
                                                     const Installation& installation);

}  // namespace smiley::tools
