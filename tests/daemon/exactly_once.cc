// The daemon is killed at every test point and restarted: each event is stored exactly once.
#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string>

#include "shm/base/test_point.h"
#include "tests/daemon/drain_support.h"

namespace smiley::daemon::testing {
namespace {

constexpr const char* kHome = "SMILEY_TEST_DAEMON_HOME";
constexpr const char* kRun = "once1";
constexpr std::uint64_t kEvents = 40'000;

// A daemon in a process of its own. It executes this program again, because a fork must not copy RocksDB's threads.
// It ends when the run or its standard input has ended.
struct DaemonRole {
  DaemonRole() {
    const char* dir = std::getenv(kHome);
    if (dir == nullptr) return;
    shm::ArmTestPoints(nullptr);
    auto home = shm::Home::OpenAt(dir);
    if (!home.ok()) _exit(2);
    DaemonCore::Options options;
    options.drainer.piece_age = std::chrono::milliseconds(10);
    auto core = DaemonCore::Start(*home, options);
    if (!core.ok()) {
      const std::string line = core.status().message() + "\n";
      (void)!write(2, line.data(), line.size());
      _exit(3);
    }
    while (!RunEnded((*core)->archive(), kRun)) {
      pollfd in{0, POLLIN, 0};
      if (poll(&in, 1, 5) > 0) break;
    }
    core->reset();
    _exit(0);
  }
};
BOOST_TEST_GLOBAL_FIXTURE(DaemonRole);

class DaemonProcess {
 public:
  DaemonProcess(const shm::Home& home, const std::string& test_point) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    const std::string dir = std::string(kHome) + "=" + home.dir.string();
    const std::string point = "SMILEY_TEST_POINT=" + test_point;
    char* const environment[] = {const_cast<char*>(dir.c_str()), const_cast<char*>(point.c_str()), nullptr};
    char* const arguments[] = {const_cast<char*>("daemon"), nullptr};
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[0], 0);
      execve("/proc/self/exe", arguments, environment);
      _exit(127);
    }
    close(ends[0]);
    input_ = ends[1];
  }
  ~DaemonProcess() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    Wait();
  }
  void Stop() {
    if (input_ >= 0) close(input_);
    input_ = -1;
  }
  int Wait() {
    int status = 0;
    if (pid_ > 0) waitpid(pid_, &status, 0);
    pid_ = -1;
    Stop();
    return status;
  }

 private:
  pid_t pid_ = -1;
  int input_ = -1;
};

void CheckStored(const shm::Home& home, bool whole) {
  Store::Options options;
  options.dir = home.StoreDir();
  options.read_only = true;
  auto store = Store::Open(options);
  BOOST_REQUIRE(store.ok());
  std::vector<std::string> report;
  const Status checked = (*store)->Check(std::nullopt, &report);
  BOOST_TEST(checked.ok());
  for (const std::string& line : report) BOOST_TEST_MESSAGE(line);
  const auto counts = CountRun((*store)->archive(), kRun);
  BOOST_TEST(counts.size() == 2u);
  for (const auto& [thread, count] : counts) {
    BOOST_TEST(count.bad == 0u);
    BOOST_TEST(count.lost == 0u);
    if (whole) BOOST_TEST(count.events == kEvents);
  }
  const auto run = (*store)->archive().FindRun(kRun);
  BOOST_REQUIRE(run.ok());
  BOOST_TEST((run->state == RunState::kEnded));
  BOOST_TEST(run->processes == 1u);
  BOOST_TEST(shm::Segment::List(home).empty());
  BOOST_TEST((*store)->Cursors().empty());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(exactly_once)

BOOST_AUTO_TEST_CASE(across_kills_of_the_daemon_at_every_point) {
  for (const char* point :
       {"drain.copied", "drain.queued", "store.writing", "store.committed", "ring.freed", "segment.removed"}) {
    for (int nth : {1, 2, 5, 13}) {
      BOOST_TEST_CONTEXT(point << ":" << nth) {
        DrainHome home;
        Child program([&] { BeProgram(*home, kRun, 2, kEvents, 4); });
        const std::string specification = std::string(point) + ":" + std::to_string(nth) + "=kill";
        int killed = 0;
        for (int i = 0; i < 3; ++i) {
          DaemonProcess daemon(*home, specification);
          const int status = daemon.Wait();
          if (WIFEXITED(status)) {
            BOOST_TEST(WEXITSTATUS(status) == 0);
            break;
          }
          BOOST_TEST(WTERMSIG(status) == SIGKILL);
          ++killed;
        }
        if (nth == 1) BOOST_TEST(killed > 0);
        DaemonProcess last(*home, "");
        BOOST_REQUIRE(last.Wait() == 0);
        BOOST_REQUIRE(program.Wait() == 0);
        CheckStored(*home, true);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(across_orderly_restarts_in_the_middle_of_blocks) {
  DrainHome home;
  Child program([&] { BeProgram(*home, kRun, 2, kEvents, 4); });
  for (int i = 0; i < 5; ++i) {
    DaemonProcess daemon(*home, "");
    daemon.Stop();
    BOOST_TEST(daemon.Wait() == 0);
  }
  DaemonProcess last(*home, "");
  BOOST_REQUIRE(last.Wait() == 0);
  BOOST_REQUIRE(program.Wait() == 0);
  CheckStored(*home, true);
}

BOOST_AUTO_TEST_CASE(when_program_and_daemon_are_both_killed) {
  for (int nth : {3, 8, 15}) {
    DrainHome home;
    Child program([&] { BeProgram(*home, kRun, 2, kEvents * 100, 4); });
    {
      DaemonProcess daemon(*home, "drain.copied:" + std::to_string(nth) + "=kill");
      BOOST_TEST(WIFSIGNALED(daemon.Wait()));
    }
    program.Kill();
    DaemonProcess last(*home, "");
    BOOST_REQUIRE(last.Wait() == 0);
    CheckStored(*home, false);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon::testing
