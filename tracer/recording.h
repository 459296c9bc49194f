// Thread rule: call with the GIL held.
//
// The recording of this process. The preload library or the program itself begins it; the program can pause, resume
// and end it.
#pragma once

#include <Python.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tracer/config/start_config.h"

namespace smiley::tracer {

// Begins recording. Returns an empty string, or the reason in one line when nothing was changed.
std::string BeginRecording(const SmileyStartConfig& config);

// The options of a program that begins recording itself. The defaults are those of smiley-run.
struct StartRequest {
  std::string name, detail = "values", where, start_at, stop_after;
  std::vector<std::string> command, include, exclude, redact;
  bool include_stdlib = false, site_packages = true, follow = true, redaction = true, deep = false;
  bool gc = false, imports = false, log = false, c_calls = false;
  std::string on_full = "block";
  std::uint32_t block_timeout_ms = 10'000;
  std::uint32_t max_depth = 0;                                          // 0 = no limit
  std::uint32_t depth = 0, items = 0, chars = 0, nodes = 0, bytes = 0;  // capture limits; 0 = the default
};
// Begins a run of this process's own and starts the daemon when none runs. A recording that was paused or ended is
// continued instead. Returns as BeginRecording.
std::string StartInThisProcess(const StartRequest& request);
// Removes the hooks: nothing is recorded until ResumeRecording. `end`: records an end event first.
void PauseRecording(bool end);
std::string ResumeRecording();
// Begins or continues recording in all threads, also in frames that run already. REQUIRES a recording that was begun
// and is paused or waits for --start-at. May be called from within a hook.
void BeginStretch();
bool IsRecording();
// The id of this process's run; empty: none was begun.
std::string RunOfRecording();

// Records the program's mark with values by name. False: nothing is recorded. REQUIRES a str and a dict with str
// keys.
bool RecordMark(PyObject* text, PyObject* values);

}  // namespace smiley::tracer
