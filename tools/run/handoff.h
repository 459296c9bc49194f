// Thread rule: plain values and functions of the main thread.
//
// Writes the two environment entries that make a program a recorded one (tracer/preload/preload_config.h), and finds
// the installed files that they name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shm/base/home.h"
#include "shm/base/status.h"
#include "tools/run/options.h"

namespace smiley::tools {

// The paths of smiley's own files, found from the running program.
struct Installation {
  std::string smiley;      // the program
  std::string module_dir;  // lib/smiley: the preload library and the tracer modules
  std::string library;     // the preload library, as a path without spaces and colons
};
// kNotFound: the library is not beside this program. The loader splits LD_PRELOAD at spaces and colons; for a path
// with such characters a link is created under /tmp.
Result<Installation> FindInstallation();
// The versions that have a tracer module: "3.11", "3.13t".
std::vector<std::string> BuiltPythons(const Installation& installation);

struct Handoff {
  std::string run;                      // id of the run
  std::int64_t wall_minus_mono_ns = 0;  // wall clock minus monotonic clock at the start of the run
  std::string stdin_source;             // file with the program from standard input; empty = none
  std::string ledger;                   // path of the ledger of --capture-fd; empty = none
};
// The environment of the program: `environment` and the two entries. kInvalid: the system does not accept entries of
// this length.
Result<std::vector<std::string>> RecordedEnvironment(char** environment, const RunOptions& options,
                                                     const Handoff& handoff, const shm::Home& home,
                                                     const Installation& installation);

}  // namespace smiley::tools
