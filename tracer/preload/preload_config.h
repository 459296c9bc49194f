// Thread rule: the constructor sets everything up on the only thread. Afterwards everything is read-only, except the
// head of the child's entry: SetToken patches it in place in forked children, which have a single thread.
//
// The hand-over: smiley-run passes it to the program that it starts, and every process of the run passes it to those
// that it starts. It is the last two entries of the environment:
//
//   LD_PRELOAD=<this library>[:<the user's own LD_PRELOAD>]
//   SMILEY_RUN=1;<parent token>;<parent pid>;<parent start>;<key>=<value>;<key>=<value>…
//
// The user's own LD_PRELOAD entry keeps its place, because the loader takes the last one. Token and start have 16 hex
// digits, the pid has 8; smiley-run writes 0 for all three. Values have '%', ';' and control characters as %XX. Keys:
//
//   r run id          h home            n name              w wall - monotonic ns   s smiley program
//   m module folder   l this library    t test point        d detail 1..4           f follow 0|1
//   o on full 0..2    b block ms        R first ring bytes  q ring bytes            x where
//   i include*        e exclude*        I include stdlib    S no site-packages      c redact*
//   N no redact       D deep            L depth,items,chars,nodes,bytes             O option* (as given)
//   M max depth     A start at      Z stop after        E file of --explain-filters
//   g gc            G imports       k log               C c calls
//   H hold          u ledger
//   p source of a program read from standard input: last, and only for the first process
//
// Keys with * repeat. Unknown keys are ignored. tools/run/handoff.cc writes the entries.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tracer/config/start_config.h"

namespace smiley::tracer {

struct Handoff {
  SmileyStartConfig config;  // complete but for the audit hook and the error
  const char* module_dir;    // folder of the tracer modules
  const char* library;       // path of this library as LD_PRELOAD has it
  char* child_entry;         // "SMILEY_RUN=…" for the processes that this one starts
};

inline constexpr char kRunEntry[] = "SMILEY_RUN=";
inline constexpr char kPreloadEntry[] = "LD_PRELOAD=";

// Decodes `entry` ("SMILEY_RUN=…") into memory of its own, which is mapped and never freed. Keeps argv without a
// copy. `token` is this process's own. The child's entry still names the parent that `entry` names. Null: the entry
// has another version or is broken, or memory is short.
Handoff* DecodeHandoff(const char* entry, int argc, char** argv, uint64_t token);

// Makes this process the parent that `child_entry` names. Async-signal-safe.
void WriteHead(char* child_entry, uint64_t token, uint32_t pid, uint64_t start);

}  // namespace smiley::tracer
