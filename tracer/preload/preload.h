// Thread rule: each function names its own.
//
// The parts of the preload library, which is loaded into every process of a run: libc only, no C++ run-time, no
// Python. It removes its hand-over from the environment (preload_env.cc), starts the tracer when the process is a
// supported Python (preload_python.cc), and hands the run on to the processes that this one starts (preload_exec.cc).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tracer/preload/preload_config.h"

namespace smiley::tracer {

// Set once by the constructor; null: this process belongs to no run. g_follow: also hand on to children.
extern Handoff* g_handoff;
extern bool g_follow;

// Finds the two entries in `envp`; then takes them out of it (the stack's and environ's array alike) and out of
// /proc/self/environ, and gives the process's start time, which is read on the way. Constructor only.
struct TakenEntries {
  char* run_entry = nullptr;      // "SMILEY_RUN=…", still readable
  char* preload_entry = nullptr;  // "LD_PRELOAD=<us>…"
};
TakenEntries TakeEntries(char** envp);
void EraseEntries(const TakenEntries& taken, char** envp, uint64_t* own_start);

// Adds the audit hook that starts the tracer when a fitting module is there; else notes it and returns false.
// Constructor only; REQUIRES IsPython().
bool WatchPython(Handoff* handoff);
bool IsPython();

// Appends "what: why" to the run's notes (home/spool/<run>.notes), which smiley-run reads at the end.
// Async-signal-safe.
void NoteUnrecordable(const char* what, const char* why);

// Finds the libc functions that preload_exec.cc replaces. Constructor only.
void FindRealFunctions();

}  // namespace smiley::tracer
