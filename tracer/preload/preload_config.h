// Thread rule: set up by the constructor on the only thread there is; read-only afterwards, except the head of
// the child's entry, which SetToken patches in place (single-threaded forked children).
//
// What smiley-run hands to the program it starts, and every process of the run to those it starts: the last two
// entries of the environment,
//
//   LD_PRELOAD=<this library>[:<the user's own LD_PRELOAD>]
//   SMILEY_RUN=1;<parent token>;<parent pid>;<parent start>;<key>=<value>;<key>=<value>…
//
// The user's own LD_PRELOAD entry stays where it was (the loader takes the last one). Token and start are 16 hex
// digits, the pid 8: 0 from smiley-run itself. Values have '%', ';' and control characters as %XX. Keys:
//
//   r run id          h home            n name              w wall - monotonic ns   s smiley program
//   m module folder   l this library    t test point        d detail 1..4           f follow 0|1
//   o on full 0..2    b block ms        R first ring bytes  q ring bytes            x where
//   i include*        e exclude*        I include stdlib    S no site-packages      c redact*
//   N no redact       D deep            L depth,items,chars,nodes,bytes             O option* (as given)
//   M max depth     A start at      Z stop after        E file of --explain-filters
//   g gc            G imports       k log               C c calls
//   p source of a program read from standard input: last, and only for the first process
//
// Keys with * repeat. Unknown keys are ignored. The writing side is tools/run/handoff.cc.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tracer/config/start_config.h"

namespace smiley::tracer {

struct Handoff {
  SmileyStartConfig config;  // complete but for audit hook and error
  const char* module_dir;
  const char* library;  // path of this library as the loader was given it
  char* child_entry;    // "SMILEY_RUN=…" for the processes that this one starts
};

inline constexpr char kRunEntry[] = "SMILEY_RUN=";
inline constexpr char kPreloadEntry[] = "LD_PRELOAD=";

// Decodes `entry` ("SMILEY_RUN=…") into memory of its own (mapped, never freed). argv is kept, not copied.
// `token` is this process's own; the child's entry still names the parent that `entry` names. Null when the entry is
// of another version or broken, or memory is short.
Handoff* DecodeHandoff(const char* entry, int argc, char** argv, uint64_t token);

// From now on a child's parent is this one. Async-signal-safe.
void WriteHead(char* child_entry, uint64_t token, uint32_t pid, uint64_t start);

}  // namespace smiley::tracer
