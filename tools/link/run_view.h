// Thread rule: plain values; functions are safe from any thread.
//
// Runs, processes, threads and sources, parsed from the daemon's JSON objects.
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
  std::int64_t start_ns = 0, end_ns = 0;  // wall clock; end 0 = still running
  bool complete = false, has_exit_code = false, has_signal = false, pinned = false;
  int exit_code = 0, signal = 0;
  std::uint64_t events = 0, lost = 0, bytes = 0;
  std::uint32_t processes = 0, threads = 0, exceptions = 0;

  bool running() const { return state == "running"; }
  // Ended with a signal or an exit code other than 0. An interactive session that ends with 0 has not failed, even if
  // it showed an exception. A run without an exit code fails when an exception was not caught.
  bool failed() const { return has_signal || (has_exit_code ? exit_code != 0 : !uncaught.empty()); }
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
  std::uint64_t lines = 0;  // different source lines; 0 = not requested
  std::int64_t first_ns = 0, last_ns = 0;
  bool ended = false;
};
struct SourceView {
  std::uint32_t source = 0;
  std::string file, sha256, text;
};

// Each parses one object. ParseRun also takes an answer with the object as "run". kDamaged: there is no such object.
Result<RunView> ParseRun(std::string_view line);
Result<ProcessView> ParseProcess(std::string_view line);
Result<ThreadView> ParseThread(std::string_view line);
Result<SourceView> ParseSource(std::string_view line);

// "SIGKILL (9)", "signal 77".
std::string SignalName(int number);
// How the run ended, in the words of the page: "running", "ok", "exit code 1, ValueError not caught", "killed by
// SIGTERM (15)", "unknown".
std::string DescribeEnd(const RunView& run);
// The same for a column: only the exception where the run failed and one was not caught.
std::string NameEnd(const RunView& run);
// A JSON string literal for requests.
std::string Quote(std::string_view text);

}  // namespace smiley::tools
