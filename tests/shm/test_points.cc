#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "shm/base/test_point.h"

using namespace smiley::shm;

namespace {

// Runs a process that is armed with the specification and reaches "a" three times, "b" once. Returns its exit code,
// or 1000 + signal.
int Fate(const char* specification, bool by_environment = false) {
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    if (by_environment) setenv("SMILEY_TEST_POINT", specification, 1);
    ArmTestPoints(by_environment ? nullptr : specification);
    SMILEY_TEST_POINT("a");
    SMILEY_TEST_POINT("a");
    SMILEY_TEST_POINT("b");
    SMILEY_TEST_POINT("a");
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, WUNTRACED);
  if (WIFSTOPPED(status)) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return 1000 + WSTOPSIG(status);
  }
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(test_points)

BOOST_AUTO_TEST_CASE(an_armed_point_acts_at_its_time_and_no_other_does) {
  BOOST_TEST(Fate("") == 0);
  BOOST_TEST(Fate("c") == 0);
  BOOST_TEST(Fate("a") == 1000 + SIGKILL);
  BOOST_TEST(Fate("a:3=kill") == 1000 + SIGKILL);
  BOOST_TEST(Fate("a:4=kill") == 0);
  BOOST_TEST(Fate("b=stop") == 1000 + SIGSTOP);
  BOOST_TEST(Fate("b:1=exit") == 86);
  BOOST_TEST(Fate("a:2=exit", true) == 86);
  BOOST_TEST(Fate("a:0") == 0);
  BOOST_TEST(Fate(":3") == 0);
}

BOOST_AUTO_TEST_CASE(unarmed_they_do_nothing) { BOOST_TEST(!g_test_points_armed); }

BOOST_AUTO_TEST_SUITE_END()
