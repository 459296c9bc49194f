// Thread rule: functions of the main thread.
//
// Reports a run to the daemon: its begin, and the end of its first process.
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
  std::vector<std::string> command;  // with secrets masked
  std::int64_t start_ns = 0;         // wall clock
};

// Reports the begin of a run. Starts the daemon if needed.
Status ReportBegin(const shm::Home& home, const RunOptions& options, const RunStart& start);

// Waits until the events of the first process are stored, for 5 s at most or until interrupt_fd is readable. Says the
// summary line unless quiet, and every failure. When no daemon can be reached, it leaves the end in the spool folder,
// where the next daemon finds it.
void ReportEnd(const shm::Home& home, const RunOptions& options, const RunStart& start, const Ended& ended,
               int interrupt_fd);

// --dump-on signal: asks the daemon to store the events that are in memory, and says so unless quiet.
void ReportDump(const shm::Home& home, const RunOptions& options, const RunStart& start);

// exec failed: ends and deletes the run.
void ReportNeverStarted(const shm::Home& home, const RunStart& start, int exit_code);

}  // namespace smiley::tools
