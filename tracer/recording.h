// Thread rule: call with the GIL held.
//
// One recording in this process: begun by the preload library or by the program itself, paused, resumed, ended.
#pragma once

#include <Python.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tracer/config/start_config.h"

namespace smiley::tracer {

// Empty when recording, else one line that says why not; nothing was changed then.
std::string BeginRecording(const SmileyStartConfig& config);

// What a program that starts recording itself asks for; the defaults are those of smiley-run.
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
// Begins a run of its own, starting the daemon when none runs; goes on with a recording that is paused or was ended.
std::string StartInThisProcess(const StartRequest& request);
// Takes the hooks away; what happens meanwhile is not recorded. `end`: says so with an end event.
void PauseRecording(bool end);
std::string ResumeRecording();
// From here on recording goes on in all threads, in frames that run already as well. REQUIRES that it was begun and
// is paused or waits for where to begin. May be called from within a hook.
void BeginStretch();
bool IsRecording();
std::string RunOfRecording();  // empty: none was begun

// The program's own note with values by name; false: nothing is recorded. REQUIRES a str and a dict with str keys.
bool RecordMark(PyObject* text, PyObject* values);

}  // namespace smiley::tracer
