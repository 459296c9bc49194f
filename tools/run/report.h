// Thread rule: functions of the main thread.
//
// What smiley-run tells the daemon about its run: that it begins, and how its first process ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shm/base/home.h"
#include "shm/base/status.h"
#include "tools/run/child.h"
#include "tools/run/options.h"

namespace smiley::tools {

struct RunStart {
  std::string id;
  std::vector<std::string> command;  // masked
  std::int64_t start_ns = 0;
};

Status ReportBegin(const shm::Home& home, const RunOptions& options, const RunStart& start);

// Waits (5 s at most, or until interrupt_fd is readable) until what the first process recorded is stored; says the
// last line unless quiet, and everything that went wrong. When no daemon can be reached the end is left in the spool
// folder, where the next daemon finds it.
void ReportEnd(const shm::Home& home, const RunOptions& options, const RunStart& start, const Ended& ended,
               int interrupt_fd);

// What is in memory of a run that is held back is to be stored now; says so unless quiet.
void ReportDump(const shm::Home& home, const RunOptions& options, const RunStart& start);

// The run never came to be: exec failed. Takes the run back.
void ReportNeverStarted(const shm::Home& home, const RunStart& start, int exit_code);

}  // namespace smiley::tools
