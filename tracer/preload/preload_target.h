// Thread rule: async-signal-safe; any thread, also between vfork and exec.
//
// Decides whether a program that is about to be executed can carry the hand-over.
#pragma once

namespace smiley::tracer {

// True: the program runs normally with our two entries. False: it has another architecture or another C library, so
// its loader would complain or refuse to start it. *why is the reason why the program will not be recorded, with true
// too (static, setuid); null = no reason is known.
bool CanCarry(const char* path, const char** why);

}  // namespace smiley::tracer
