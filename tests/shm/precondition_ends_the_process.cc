// A build with SMILEY_CHECKS ends the process at a precondition that is false, and names the precondition.
#ifndef SMILEY_CHECKS
#define SMILEY_CHECKS
#define SMILEY_CHECKS_HERE_ONLY
#endif
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <string>

#include "shm/base/requires.h"

#ifndef SMILEY_CHECKS_HERE_ONLY  // the headers' own functions are the same in all of this executable
#include "shm/cbor.h"
#endif

namespace {

struct End {
  int signal = 0;  // the signal that ended the child; 0: it exited
  std::string said;
};

template <typename Function>
End RunInChild(const Function& function) {
  int ends[2];
  BOOST_REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    // Turn off Boost.Test's signal handlers and the core file.
    signal(SIGILL, SIG_DFL);
    signal(SIGTRAP, SIG_DFL);
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    dup2(ends[1], STDERR_FILENO);
    function();
    _exit(0);
  }
  close(ends[1]);
  End end;
  char buffer[512];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
    end.said.append(buffer, static_cast<size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

int Half(int even) {
  SMILEY_REQUIRES(even % 2 == 0);
  return even / 2;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(preconditions)

BOOST_AUTO_TEST_CASE(passes_when_the_condition_holds) {
  BOOST_TEST(Half(4) == 2);
  BOOST_TEST(RunInChild([] { Half(4); }).signal == 0);
}

BOOST_AUTO_TEST_CASE(ends_the_process_with_one_line_when_it_does_not) {
  const End end = RunInChild([] { Half(5); });
  BOOST_TEST((end.signal == SIGILL || end.signal == SIGTRAP));
  BOOST_TEST(end.said.find("precondition_ends_the_process.cc:") != std::string::npos);
  BOOST_TEST(end.said.ends_with(": smiley: REQUIRES even % 2 == 0\n"));
}

#ifndef SMILEY_CHECKS_HERE_ONLY
BOOST_AUTO_TEST_CASE(a_header_of_the_layer_checks_its_own) {
  const End end = RunInChild([] {
    char room[8];
    smiley::shm::CborWriter writer(room, sizeof room);
    writer.Null();
    writer.Truncate(2);
  });
  BOOST_TEST((end.signal == SIGILL || end.signal == SIGTRAP));
  BOOST_TEST(end.said.find("shm/cbor.h:") != std::string::npos);
  BOOST_TEST(end.said.ends_with("REQUIRES size <= this->size()\n"));
}
#endif

BOOST_AUTO_TEST_SUITE_END()
