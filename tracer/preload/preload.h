// Thread rule: each function names its own.
//
// The parts of the preload library, which is loaded into every process of a run. It uses libc only: no C++ run-time,
// no Python. It removes its hand-over from the environment (preload_env.cc). In a supported Python it starts the
// tracer (preload_python.cc). It hands the run on to the processes that this one starts (preload_exec.cc).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tracer/preload/preload_config.h"

namespace smiley::tracer {

// Both are set once, by the constructor.
extern Handoff* g_handoff;  // null: this process belongs to no run
extern bool g_follow;       // true: the processes that this one starts belong to the run too

// The two entries of the hand-over in the environment.
struct TakenEntries {
  char* run_entry = nullptr;  // "SMILEY_RUN=…", readable until EraseEntries; null = this process belongs to no run
  char* preload_entry = nullptr;  // "LD_PRELOAD=<this library>…"; null = there is none
};

// Finds the entries. Constructor only.
TakenEntries TakeEntries(char** envp);

// Removes the entries from `envp`, which is environ's array too, and from /proc/self/environ. Sets *own_start to the
// start time of this process (clock ticks since boot; 0 = unknown), because both come from one file. Constructor
// only.
void EraseEntries(const TakenEntries& taken, char** envp, uint64_t* own_start);

// True when the process is a Python.
bool IsPython();

// Adds the audit hook that starts the tracer. False: there is no module for this Python, which is noted. Constructor
// only; REQUIRES IsPython().
bool WatchPython(Handoff* handoff);

// Appends "what: why" to the run's notes (home/spool/<run>.notes), which smiley-run reads at the end.
// Async-signal-safe.
void NoteUnrecordable(const char* what, const char* why);

// Finds the libc functions that preload_exec.cc replaces. Constructor only.
void FindRealFunctions();

}  // namespace smiley::tracer
