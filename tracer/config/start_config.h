// Thread rule: plain values; filled by the preload library on the main thread before Py_Initialize, read-only after.
//
// The configuration that the preload library passes to the tracer module. It is the one call between two libraries
// that are built separately, so it is a C interface that begins with its version and size. All pointers stay valid
// for the life of the process, also in forked children. Strings are the system's bytes: paths and arguments need not
// be UTF-8. A string is null only where its comment says so. Lists are arrays of `*_count` strings.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SMILEY_START_VERSION 3u

enum SmileyKind : uint32_t {
  kSmileyFirst = 1,  // started by smiley-run
  kSmileyExec = 2,   // a new program image below it (exec, spawn, or the same process after exec)
  kSmileyFork = 3,   // forked child; never given by the preload library, the tracer's own at-fork handler uses it
};
enum SmileyDetail : uint32_t { kSmileyCalls = 1, kSmileyLines = 2, kSmileyValues = 3, kSmileyArguments = 4 };

struct SmileyStartConfig {
  uint32_t version;  // SMILEY_START_VERSION; the tracer refuses others
  uint32_t bytes;    // sizeof(SmileyStartConfig) of the caller

  // The run.
  const char* run;             // run id
  const char* home;            // absolute path of the home
  const char* name;            // --name; "" = none
  int64_t wall_minus_mono_ns;  // CLOCK_REALTIME - CLOCK_MONOTONIC at the run's start
  const char* smiley;          // absolute path of the smiley program, to start the daemon: smiley daemon start
  const char* test_point;      // SMILEY_TEST_POINT's value as smiley-run saw it; null = none

  // This process.
  SmileyKind kind;
  SmileyDetail detail;
  uint64_t token;           // random, never 0: this process image
  uint64_t parent_token;    // 0 = none (first process)
  uint64_t parent_start;    // start time (field 22 of /proc/PID/stat) of the parent image's process
  uint32_t parent_pid;      // 0 = none; equals getpid() when this process replaced itself by exec
  uint32_t follow;          // 1: children are followed; 0: --no-follow (forked children go unrecorded too)
  const char* const* argv;  // whole command line of this process (argv[0] = interpreter)
  const char* const* command;  // its tail as the user gave it: script.py ARGS…, -m module ARGS…, -c CODE ARGS…, - …
  uint32_t argv_count;
  uint32_t command_count;      // 0 when the interpreter was started without a program (interactive or stdin)
  const char* stdin_source;    // null, or a file with the text of the program that came through standard input; the
                               // tracer reads it and unlinks it
  const char* const* options;  // smiley-run's own options as the user gave them
  uint32_t options_count;

  // Recording.
  uint32_t on_full;            // smiley::shm::OnFull
  uint32_t block_timeout_ms;   // default 10000; 0 = never wait
  uint32_t hold;               // 1: --dump-on, the daemon stores the rings only on request and at the end of the run
  uint64_t first_ring_bytes;   // 0 = the tracer's default (4 MiB)
  uint64_t ring_bytes;         // further threads; 0 = the tracer's default (256 KiB)
  const char* const* include;  // --include PACKAGE|GLOB, in order
  const char* const* exclude;  // --exclude PACKAGE|GLOB, in order
  uint32_t include_count;
  uint32_t exclude_count;
  uint32_t include_stdlib;    // 0 | 1
  uint32_t no_site_packages;  // 0 | 1
  const char* where;          // record-time expression; null = none
  const char* const* redact;  // --redact GLOB: additions to the default list
  uint32_t redact_count;
  uint32_t no_redact;                   // 1: no redaction at all, additions ignored
  uint32_t deep;                        // 1: --deep
  uint32_t max_frames;                  // --max-depth; 0 = no limit
  const char* start_at;                 // --start-at FUNCTION|FILE:LINE; null = at once
  const char* stop_after;               // --stop-after N|FUNCTION|FILE:LINE; null = never
  uint32_t gc, imports, logs, c_calls;  // 1: --gc, --imports, --log, --c-calls
  const char* explain;                  // --explain-filters: a file to which decisions are appended; null = none
  // Capture limits; 0 = the tracer's default (3, 64, 256, 512, 4096).
  uint32_t max_depth, max_items, max_chars, max_nodes, max_bytes;
  const char* ledger;  // --capture-fd: where writes to descriptors 1 and 2 are announced (shm/ledger.h); null = none

  // The audit hook that makes this call. The tracer unlinks it from the runtime's list once recording has started.
  // The runtime reads its entry until smiley_tracer_start has returned, so the entry must not be freed before.
  int (*audit_hook)(const char* event, void* args, void* user);
  void* audit_user;
  // The tracer calls it in a forked child: programs that this process executes get `token` as their parent's token.
  // Async-signal-safe. Null: children are not followed.
  void (*set_token)(uint64_t token);

  // Out: one line without newline that says why the tracer did not start; the preload library prints it.
  char* error;
  size_t error_bytes;
};

#ifdef __cplusplus
extern "C" {
#endif
// Entry of lib/smiley/_smiley.<suffix>.so. Called with the GIL held, on the main thread of the main interpreter,
// before the program's first line. 0 = recording; else nothing was changed and `error` says why.
__attribute__((visibility("default"))) int smiley_tracer_start(const SmileyStartConfig* config);
typedef int (*SmileyTracerStart)(const SmileyStartConfig* config);
#ifdef __cplusplus
}
#endif
