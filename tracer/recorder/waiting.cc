#include "tracer/recorder/waiting.h"

#include <Python.h>
#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "tracer/interp/interp.h"
#include "tracer/recorder/process.h"

namespace smiley::tracer {
namespace {

constexpr long kNapNs = 500'000;
constexpr std::uint64_t kLookAfterNs = 50'000'000;     // the wait before the first check whether the daemon lives
constexpr std::uint64_t kLookEveryNs = 1'000'000'000;  // between two checks

std::uint64_t g_looked_ns = 0;  // monotonic time of the last check; 0: none yet

}  // namespace

void StartDaemon(const shm::Home& where, const char* smiley) {
  const std::string home = "SMILEY_HOME=" + where.dir.string();
  const char* const argv[] = {smiley, "daemon", "start", nullptr};
  std::vector<const char*> environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (text.rfind("SMILEY_HOME=", 0) != 0 && text.rfind("LD_PRELOAD=", 0) != 0) environment.push_back(*entry);
  }
  environment.push_back(home.c_str());
  environment.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd = 0; fd < 3; ++fd) posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", fd == 0 ? 0 : 1, 0);
  pid_t pid;
  if (posix_spawn(&pid, smiley, &actions, nullptr, const_cast<char**>(argv),
                  const_cast<char**>(environment.data())) == 0) {
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
  }
  posix_spawn_file_actions_destroy(&actions);
}

bool WaitForRoom(Process* process, shm::Segment* ring, std::uint64_t* began_ns, std::uint64_t* seen, bool* warned) {
  if (process->options().block_timeout_ns == 0) return false;
  if (smiley_signals_pending()) return false;
  const std::uint64_t now = shm::MonotonicNs();
  const std::uint64_t freed = ring->header().read_pos.load(std::memory_order_acquire);
  if (*began_ns == 0 || freed != *seen || now - *began_ns > 2 * process->options().block_timeout_ns) {
    *began_ns = now;
    *seen = freed;
  }
  if (now - *began_ns > process->options().block_timeout_ns) {
    if (!*warned) {
      *warned = true;
      std::fprintf(stderr,
                   "smiley: the daemon has stored nothing for %llu s; events are being lost (counted): see "
                   "smiley-daemon status\n",
                   static_cast<unsigned long long>(process->options().block_timeout_ns / 1'000'000'000u));
    }
    return false;
  }
  PyThreadState* saved = PyEval_SaveThread();
  if (now - *began_ns > kLookAfterNs && now - g_looked_ns > kLookEveryNs) {
    g_looked_ns = now;
    if (!shm::DaemonHoldsLock(process->home())) StartDaemon(process->home(), process->smiley());
  }
  const timespec nap{0, kNapNs};
  nanosleep(&nap, nullptr);
  PyEval_RestoreThread(saved);
  return true;
}

}  // namespace smiley::tracer
