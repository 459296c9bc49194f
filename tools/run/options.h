// Thread rule: plain values and functions of the main thread.
//
// The command line of smiley-run. It is parsed by hand, because options end where the program begins and the
// program's words must not be interpreted.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shm/format.h"

namespace smiley::tools {

// Exit codes of smiley-run itself. Every other exit code is the program's.
inline constexpr int kExitRunFailed = 125;         // smiley failed before the program started
inline constexpr int kExitRunNotExecutable = 126;  // the program exists and cannot be executed
inline constexpr int kExitRunNotFound = 127;

enum class ProgramKind { kScript, kModule, kCode, kStdin, kCommand };

struct RunOptions {
  ProgramKind kind = ProgramKind::kScript;
  std::vector<std::string> program;  // script.py ARGS…, -m module ARGS…, -c CODE ARGS…, - ARGS…, command ARGS…
  std::vector<std::string> given;  // the options as typed

  std::string python;  // --python; empty = find an interpreter
  std::string name;
  std::string attach;             // --attach: pid in digits; empty = start a program
  std::string detail = "values";  // "calls" | "arguments" | "lines" | "values"
  shm::OnFull on_full = shm::OnFull::kBlock;
  bool hold = false;                                   // --dump-on: store nothing before the end or the signal
  int dump_signal = 0;                                 // --dump-on signal; 0 = none
  std::chrono::milliseconds block_timeout{10'000};     // 0 = do not wait
  std::uint64_t first_ring_bytes = 0, ring_bytes = 0;  // 0 = the tracer's default
  bool follow = true;
  bool include_stdlib = false, no_site_packages = false;
  std::vector<std::string> include, exclude;
  std::string where;  // expression; empty = record every call
  std::vector<std::string> redact;
  std::string remote;        // HOST:PORT of the daemon that stores the run; empty = the daemon of this home
  std::string remote_token;  // the token for that daemon
  bool no_redact = false, deep = false, quiet = false;
  std::uint32_t max_depth = 0;       // 0 = no limit
  std::string start_at, stop_after;  // FUNCTION or FILE:LINE; stop_after also a number of events; empty = none
  bool explain_filters = false, gc = false, imports = false, logs = false, c_calls = false, capture_fd = false;
  // depth, items, chars, nodes, bytes; 0 = the tracer's default.
  std::array<std::uint32_t, 5> limits{};
};

// nullopt: the options are in `out`. Otherwise the exit code: help was printed, or an error was reported.
std::optional<int> ParseRunOptions(int argc, char** argv, RunOptions* out);

}  // namespace smiley::tools
