// Thread rule: safe from any thread and in a signal handler.
//
// SMILEY_REQUIRES(condition) checks a precondition at the top of a function. The function's comment states the same
// condition after the word REQUIRES. A build with SMILEY_CHECKS (tools/test.sh, Debug) ends the process when the
// condition is false, after one line on descriptor 2:
//
//   shm/cbor.h:97: smiley: REQUIRES size <= size_
//
// Other builds compile the condition and never evaluate it, so it costs nothing. Use it for a caller's mistake. Every
// build checks bytes from a ring, a file or a connection, and reports them with a Status.
#pragma once

#ifdef SMILEY_CHECKS

#include <unistd.h>

#include <cstddef>

namespace smiley::shm {

// Writes `message` to descriptor 2 and ends the process with a trap (SIGILL or SIGTRAP).
[[noreturn, gnu::cold, gnu::noinline]] inline void FailRequirement(const char* message, std::size_t size) noexcept {
  (void)!write(STDERR_FILENO, message, size);
  __builtin_trap();
}

}  // namespace smiley::shm

#define SMILEY_REQUIRES_TEXT_(line) #line
#define SMILEY_REQUIRES_LINE_(file, line, condition) \
  file ":" SMILEY_REQUIRES_TEXT_(line) ": smiley: REQUIRES " condition "\n"
#define SMILEY_REQUIRES(condition)                                                             \
  (__builtin_expect(static_cast<bool>(condition), 1)                                           \
       ? static_cast<void>(0)                                                                  \
       : ::smiley::shm::FailRequirement(SMILEY_REQUIRES_LINE_(__FILE__, __LINE__, #condition), \
                                        sizeof SMILEY_REQUIRES_LINE_(__FILE__, __LINE__, #condition) - 1))

#else

#define SMILEY_REQUIRES(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))

#endif
