// Thread rule: SMILEY_TEST_POINT is safe in any thread; it does nothing unless the process is armed.
//
// A test stops or kills a process at a test point: a named place after a step that other processes can observe.
// SMILEY_TEST_POINT="name[:nth][=kill|stop|exit]" in the environment arms a point; the preload library passes it to
// the tracer. An unarmed point costs one predictable branch on a plain bool.
#pragma once

namespace smiley::shm {

extern bool g_test_points_armed;
void ReachTestPoint(const char* name);
// Arms the point that `specification` names; null: the environment variable. Each program calls it once, at its
// start.
void ArmTestPoints(const char* specification);

}  // namespace smiley::shm

#define SMILEY_TEST_POINT(name)                                                                       \
  do {                                                                                                \
    if (__builtin_expect(::smiley::shm::g_test_points_armed, 0)) ::smiley::shm::ReachTestPoint(name); \
  } while (0)
