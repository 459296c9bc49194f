// Thread rule: async-signal-safe; any thread, also between vfork and exec.
//
// Whether a program that is about to be executed can carry the hand-over.
#pragma once

namespace smiley::tracer {

// True: our two entries do no harm there and may do good. False: the loader would complain or refuse to start it
// (another architecture, another C library). `why` is set, also for true, when the program will not be recorded
// although it runs normally (static, setuid); else null.
bool CanCarry(const char* path, const char** why);

}  // namespace smiley::tracer
