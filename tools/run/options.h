// Thread rule: plain values and functions of the main thread.
//
// The command line of smiley-run. Options end where the program begins, so it is parsed by hand: the program's own
// words are never looked at.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shm/format.h"

namespace smiley::tools {

// smiley-run's own exit codes; everything else is the program's.
inline constexpr int kExitRunFailed = 125;         // smiley's own failure before the program started
inline constexpr int kExitRunNotExecutable = 126;  // the program is there and cannot be run
inline constexpr int kExitRunNotFound = 127;

enum class ProgramKind { kScript, kModule, kCode, kStdin, kCommand };

struct RunOptions {
  ProgramKind kind = ProgramKind::kScript;
  std::vector<std::string> program;  // script.py ARGS…, -m module ARGS…, -c CODE ARGS…, - ARGS…, command ARGS…
  std::vector<std::string> given;  // smiley-run's own words as they were typed

  std::string python;  // --python; empty = find one
  std::string name;
  std::string attach;             // --attach: a pid in digits; empty = start a program
  std::string detail = "values";  // "calls" | "arguments" | "lines" | "values"
  shm::OnFull on_full = shm::OnFull::kBlock;
  bool hold = false;                                   // --dump-on: nothing is stored before the end or the signal
  int dump_signal = 0;                                 // --dump-on signal; 0 = none
  std::chrono::milliseconds block_timeout{10'000};     // 0 = never wait
  std::uint64_t first_ring_bytes = 0, ring_bytes = 0;  // 0 = the tracer's default
  bool follow = true;
  bool include_stdlib = false, no_site_packages = false;
  std::vector<std::string> include, exclude;
  std::string where;  // empty = everything
  std::vector<std::string> redact;
  std::string remote,
      remote_token;  // HOST:PORT of the daemon that is to store it, and the token for it; empty = this home's
  bool no_redact = false, deep = false, quiet = false;
  std::uint32_t max_depth = 0;       // 0 = no limit
  std::string start_at, stop_after;  // FUNCTION, FILE:LINE; stop_after also a number of events
  bool explain_filters = false, gc = false, imports = false, logs = false, c_calls = false, capture_fd = false;
  // depth, items, chars, nodes, bytes; 0 = the tracer's default.
  std::array<std::uint32_t, 5> limits{};
};

// nullopt: go on. Else the exit code: help was printed, or the usage was wrong and said so.
std::optional<int> ParseRunOptions(int argc, char** argv, RunOptions* out);

}  // namespace smiley::tools
