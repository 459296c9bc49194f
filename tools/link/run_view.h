// Thread rule: plain values; functions are safe from any thread.
//
// Runs, processes, threads and sources as they come from the daemon, read for showing to people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shm/base/status.h"

namespace smiley::tools {

struct RunView {
  std::string id, name, cwd, python, detail, state, uncaught;
  std::vector<std::string> command, notes;
  std::int64_t start_ns = 0, end_ns = 0;  // end 0 = still going
  bool complete = false, has_exit_code = false, has_signal = false, pinned = false;
  int exit_code = 0, signal = 0;
  std::uint64_t events = 0, lost = 0, bytes = 0;
  std::uint32_t processes = 0, threads = 0, exceptions = 0;

  bool running() const { return state == "running"; }
  // Ended with a signal or an exit code other than 0, as last:failed and smiley-list --failed mean it.
  bool failed() const { return has_signal || (has_exit_code && exit_code != 0); }
};
struct ProcessView {
  std::uint32_t process = 0, pid = 0, parent = 0;
  std::vector<std::string> command;
  std::string python, kind;
  std::int64_t start_ns = 0, end_ns = 0;
};
struct ThreadView {
  std::uint32_t process = 0, thread = 0;
  std::string name;
  std::uint64_t events = 0, lost = 0;
  std::uint64_t lines = 0;  // different source lines; 0 where that was not asked for
  std::int64_t first_ns = 0, last_ns = 0;
  bool ended = false;
};
struct SourceView {
  std::uint32_t source = 0;
  std::string file, sha256, text;
};

// A run object, or an answer that holds one as "run". kDamaged when there is none.
Result<RunView> ParseRun(std::string_view line);
Result<ProcessView> ParseProcess(std::string_view line);
Result<ThreadView> ParseThread(std::string_view line);
Result<SourceView> ParseSource(std::string_view line);

// "SIGKILL (9)", "signal 77".
std::string SignalName(int number);
// How the run ended: "running", "exit code 0", "exit code 1 (ValueError)", "killed by SIGTERM (15)", "unknown". An
// interactive session that ends with 0 may have shown an exception; that does not make it a failure.
std::string DescribeEnd(const RunView& run);
// A JSON string literal, for requests.
std::string Quote(std::string_view text);

}  // namespace smiley::tools
