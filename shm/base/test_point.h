// Thread rule: SMILEY_TEST_POINT may stand anywhere; it does nothing unless the process was armed.
//
// Named places after steps that others can observe, for tests that stop or kill a process there. Arm with
// SMILEY_TEST_POINT="name[:nth][=kill|stop|exit]" in the environment before the first point is reached (the
// preload library hands it to the tracer); unarmed it costs one predictable branch on a plain bool.
#pragma once

namespace smiley::shm {

extern bool g_test_points_armed;
void ReachTestPoint(const char* name);
// Reads the specification (null: from the environment). Called once at start of each program.
void ArmTestPoints(const char* specification);

}  // namespace smiley::shm

#define SMILEY_TEST_POINT(name)                                                                       \
  do {                                                                                                \
    if (__builtin_expect(::smiley::shm::g_test_points_armed, 0)) ::smiley::shm::ReachTestPoint(name); \
  } while (0)
