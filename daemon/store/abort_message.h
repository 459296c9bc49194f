// Thread rule: Arm and ForgetStarter belong to the thread that opens the store; the message is written by whichever
// thread aborts.
//
// RocksDB uses some bytes of a table before it compares their check sum. Where they are damaged, an assertion may
// abort the process. The process cannot go on; but it can report what happened and what to do next.
#pragma once

#include <filesystem>

namespace smiley::daemon::abort_message {

// From now on an abort reports that the store `dir` may be damaged, and the process ends with exit code 1. The report
// goes to standard error, to the end of the file `log` (empty: none), and, as "CODE message", to the descriptor
// `starter` of the process that waits for this daemon to start (-1: none). Uncaught exceptions and other signals are
// left alone. REQUIRES that it is called once in a process.
void Arm(const std::filesystem::path& dir, const std::filesystem::path& log = {}, int starter = -1);
// The starter waits no more. REQUIRES that its descriptor is still open.
void ForgetStarter();

}  // namespace smiley::daemon::abort_message
