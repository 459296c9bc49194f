#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "shm/base/identity.h"

using namespace smiley::shm;

BOOST_AUTO_TEST_SUITE(process_identity)

BOOST_AUTO_TEST_CASE(it_is_boot_pid_and_start) {
  const ProcessIdentity self = SelfIdentity();
  BOOST_TEST(self.pid == static_cast<std::uint32_t>(getpid()));
  BOOST_TEST(self.start_time != 0u);
  BOOST_TEST((self.boot_id != std::array<unsigned char, 16>{}));
  BOOST_TEST(IsAlive(self));
  BOOST_TEST((SelfIdentity() == self));
  ProcessIdentity other = self;
  other.start_time += 1;  // a later process with the same pid
  BOOST_TEST(!IsAlive(other));
  other = self;
  other.boot_id[3] ^= 1;  // the same pid and start time, before a reboot
  BOOST_TEST(!IsAlive(other));
  BOOST_TEST(!IsAlive(ProcessIdentity{}));
}

BOOST_AUTO_TEST_CASE(a_zombie_is_dead) {
  int ends[2];
  BOOST_REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    close(ends[1]);
    char byte;
    const ssize_t got = read(ends[0], &byte, 1);
    _exit(got == 0 ? 0 : 1);
  }
  ProcessIdentity identity = SelfIdentity();
  identity.pid = static_cast<std::uint32_t>(child);
  identity.start_time = StartTimeOf(child).value_or(0);
  BOOST_TEST(IsAlive(identity));
  close(ends[0]);
  close(ends[1]);
  siginfo_t info{};
  BOOST_REQUIRE(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == 0);
  BOOST_TEST(!IsAlive(identity));  // a zombie: ended, not yet waited for
  BOOST_TEST(!StartTimeOf(child).has_value());
  waitpid(child, nullptr, 0);
  BOOST_TEST(!IsAlive(identity));
}

BOOST_AUTO_TEST_CASE(a_name_full_of_parentheses_does_not_confuse) {
  int ends[2];
  BOOST_REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    prctl(PR_SET_NAME, ") Z 1 ) 2");
    if (write(ends[1], "x", 1) != 1) _exit(1);
    close(ends[1]);
    raise(SIGSTOP);
    _exit(0);
  }
  char byte;
  BOOST_REQUIRE(read(ends[0], &byte, 1) == 1);
  const auto start = StartTimeOf(child);
  BOOST_TEST(start.has_value());
  BOOST_TEST(start.value_or(0) >= SelfIdentity().start_time);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
}

BOOST_AUTO_TEST_SUITE_END()
