#include "daemon/store/abort_message.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <exception>
#include <string>

#include "shm/base/status.h"

namespace smiley::daemon::abort_message {
namespace {

struct Words {
  std::string said;     // on standard error and in the log
  std::string starter;  // as StartDaemon reads it
  std::string log;
};
std::atomic<const Words*> words{nullptr};
std::atomic<int> starter_fd{-1};

void Say(int fd, const std::string& text) { (void)!write(fd, text.data(), text.size()); }

void OnAbort(int /*signal*/) {
  if (const Words* last = words.load(std::memory_order_acquire)) {
    Say(STDERR_FILENO, last->said);
    if (!last->log.empty()) {
      const int log = open(last->log.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
      if (log >= 0) Say(log, last->said);
    }
    if (const int fd = starter_fd.load(std::memory_order_acquire); fd >= 0) Say(fd, last->starter);
  }
  _exit(1);
}

}  // namespace

void Arm(const std::filesystem::path& dir, const std::filesystem::path& log, int starter) {
  static Words kept;
  const std::string what =
      "RocksDB aborted this process at the store " + dir.string() +
      ": the store is damaged, or its disk is full; run smiley-store repair, which keeps everything that can be read";
  kept = {"smiley: " + what + "\n", std::to_string(static_cast<int>(Code::kDamaged)) + " " + what, log.string()};
  starter_fd.store(starter, std::memory_order_release);
  words.store(&kept, std::memory_order_release);
  struct sigaction action {};
  action.sa_handler = OnAbort;
  sigaction(SIGABRT, &action, nullptr);
  static const std::terminate_handler before = std::get_terminate();
  std::set_terminate([] {  // an uncaught exception is not RocksDB's abort
    signal(SIGABRT, SIG_DFL);
    before();
  });
}

void ForgetStarter() { starter_fd.store(-1, std::memory_order_release); }

}  // namespace smiley::daemon::abort_message
