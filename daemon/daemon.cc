#include "daemon/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "daemon/background/heap.h"
#include "daemon/core.h"
#include "daemon/protocol/home_socket.h"
#include "daemon/server/server.h"
#include "daemon/settings.h"
#include "daemon/store/abort_message.h"
#include "shm/base/test_point.h"

namespace smiley::daemon {
namespace {

constexpr auto kOtherStart = std::chrono::seconds(10);  // patience with another daemon's start
constexpr auto kStoreFreed = std::chrono::seconds(5);
constexpr std::size_t kLogBytes = 1u << 20;
constexpr std::size_t kLogFiles = 3;

bool Answers(const shm::Home& home) {
  const auto fd = ConnectToHome(home, std::chrono::milliseconds(0), -1);
  if (!fd) return false;
  close(*fd);
  return true;
}

// Waits until the process that holds the lock listens; nullopt: the process is gone (a killed one may take a moment).
std::optional<Status> WaitForOther(const shm::Home& home) {
  const auto until = std::chrono::steady_clock::now() + kOtherStart;
  while (std::chrono::steady_clock::now() < until) {
    if (!shm::DaemonHoldsLock(home)) return std::nullopt;
    if (Answers(home)) return Status(Code::kBusy, "a daemon runs already for " + home.dir.string());
    poll(nullptr, 0, 20);
  }
  return Status(Code::kBusy, "a daemon holds " + home.LockPath().string() +
                                 " but does not listen: smiley-daemon stop, or kill it");
}

// A killed daemon releases the home's lock before the store's: waits until the kernel has taken its process down.
Result<std::unique_ptr<DaemonCore>> StartCore(const shm::Home& home, const DaemonCore::Options& options) {
  const auto until = std::chrono::steady_clock::now() + kStoreFreed;
  while (true) {
    auto core = DaemonCore::Start(home, options);
    if (core.ok() || core.status().code() != Code::kBusy || std::chrono::steady_clock::now() > until) return core;
    poll(nullptr, 0, 20);
  }
}

// Resets everything that a process inherits and that a daemon must not keep.
void BeClean(int keep_fd) {
  setsid();
  umask(077);
  (void)!chdir("/");
  sigset_t none;
  sigemptyset(&none);
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction plain {};
    plain.sa_handler = SIG_DFL;
    sigaction(signal, &plain, nullptr);
  }
  sigprocmask(SIG_SETMASK, &none, nullptr);
  cpu_set_t all;
  std::memset(&all, 0xff, sizeof all);
  sched_setaffinity(0, sizeof all, &all);
  setpriority(PRIO_PROCESS, 0, 0);
  rlimit core{0, 0};
  setrlimit(RLIMIT_CORE, &core);  // core dumps would contain recorded values
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) {
    if (fd != keep_fd) dup2(null, fd);
  }
  if (keep_fd > 3) syscall(SYS_close_range, 3u, static_cast<unsigned>(keep_fd - 1), 0);
  syscall(SYS_close_range, static_cast<unsigned>(std::max(keep_fd + 1, 3)), ~0u, 0);
  prctl(PR_SET_NAME, "smiley-daemon");
}

std::shared_ptr<spdlog::logger> OpenLog(const shm::Home& home) {
  try {
    auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(home.LogPath().string(), kLogBytes, kLogFiles);
    auto log = std::make_shared<spdlog::logger>("daemon", std::move(sink));
    log->flush_on(spdlog::level::info);
    log->set_pattern("%Y-%m-%d %H:%M:%S.%e %P %v");
    log->set_error_handler([](const std::string&) {});  // the daemon goes on without its log when the disk is full
    return log;
  } catch (const spdlog::spdlog_ex&) {
    return nullptr;
  }
}

Status Serve(const DaemonOptions& options, int ready_fd) {
  umask(077);
  LimitHeap();
  signal(SIGPIPE, SIG_IGN);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGHUP);
  // Blocked before other threads exist, so that every thread inherits the mask and signal_fd gets the signals.
  if (pthread_sigmask(SIG_BLOCK, &ends, nullptr) != 0) return {Code::kIo, "cannot block signals"};
  // Held until this function ends, or by death.
  const auto lock = shm::TakeDaemonLock(options.home);
  if (!lock.ok()) return lock.status();
  SMILEY_TEST_POINT("daemon.locked");
  const auto log = OpenLog(options.home);
  const auto say = [log](const std::string& line) {
    if (log) log->info(line);
  };
  say("starts, version " SMILEY_VERSION);
  DaemonCore::Options core_options;
  auto settings = LoadSettings(options.home);
  if (!settings.ok()) return settings.status();
  const Settings before = *settings;
  if (options.store) settings->store = *options.store;
  if (options.quota_bytes) settings->quota_bytes = *options.quota_bytes;
  if (options.listen) settings->listen = *options.listen;
  core_options.settings = *settings;
  core_options.reserve_bytes = options.reserve_bytes;
  core_options.drainer.log = say;
  abort_message::Arm(StoreDir(options.home, *settings), options.home.LogPath(), ready_fd);
  auto core = StartCore(options.home, core_options);
  if (!core.ok()) {
    say("cannot start: " + core.status().message());
    return core.status();
  }
  const int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const int signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
  const Services services = (*core)->services();
  Server::Options server_options;
  server_options.request_stop = [stop_fd] {
    const std::uint64_t one = 1;
    (void)!write(stop_fd, &one, sizeof one);
  };
  server_options.web = options.web;
  server_options.listen = settings->listen;
  auto server = Server::Start(services, server_options);
  if (!server.ok() && !options.listen && !settings->listen.empty()) {
    // The port is of the settings, not of this start: recording programs need the daemon more than others need the
    // port.
    say(server.status().message() + "; the daemon starts without this address");
    server_options.listen.clear();
    server = Server::Start(services, server_options);
  }
  if (!server.ok()) {
    say("cannot start: " + server.status().message());
    return server.status();
  }
  if (!(*settings == before)) {
    if (const Status saved = SaveSettings(options.home, *settings); !saved.ok()) return saved;
  }
  say("ready");
  SMILEY_TEST_POINT("daemon.listening");
  if (ready_fd >= 0) {
    (void)!write(ready_fd, "+", 1);
    abort_message::ForgetStarter();
    close(ready_fd);
  }
  pollfd waits[] = {{stop_fd, POLLIN, 0}, {signal_fd, POLLIN, 0}};
  while (poll(waits, 2, -1) <= 0) {
  }
  say("stops");
  (*server)->Stop();
  server->reset();
  core->reset();
  close(stop_fd);
  close(signal_fd);
  say("stopped");
  return {};
}

}  // namespace

Status RunDaemon(const DaemonOptions& options) {
  shm::ArmTestPoints(nullptr);
  return Serve(options, -1);
}

namespace {

// nullopt: another daemon held the lock and has ended meanwhile.
std::optional<Status> StartOnce(const DaemonOptions& options) {
  if (shm::DaemonHoldsLock(options.home)) return WaitForOther(options.home);
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return Status::FromErrno("cannot start the daemon", errno);
  const pid_t child = fork();
  if (child < 0) return Status::FromErrno("cannot start the daemon", errno);
  if (child == 0) {
    // A second fork: the daemon is no child of its starter and leads no session.
    BeClean(ready[1]);
    const pid_t daemon = fork();
    if (daemon != 0) _exit(daemon < 0 ? 1 : 0);
    shm::ArmTestPoints(nullptr);
    const Status status = Serve(options, ready[1]);
    if (!status.ok()) {
      const std::string line = std::to_string(static_cast<int>(status.code())) + " " + status.message();
      (void)!write(ready[1], line.data(), line.size());
    }
    _exit(status.ok() ? 0 : 1);
  }
  close(ready[1]);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  std::string said;
  char buffer[512];
  while (true) {
    const ssize_t got = read(ready[0], buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    said.append(buffer, static_cast<std::size_t>(got));
    if (said.front() == '+') break;
  }
  close(ready[0]);
  if (!said.empty() && said.front() == '+') return Status::Ok();
  if (said.empty())
    return Status(Code::kGone,
                  "the daemon ended while it started: " + options.home.LogPath().string() + " may say why");
  const std::size_t space = said.find(' ');
  const Status status(static_cast<Code>(std::atoi(said.c_str())),
                      said.substr(space == std::string::npos ? 0 : space + 1));
  if (status.code() == Code::kBusy && shm::DaemonHoldsLock(options.home))
    return WaitForOther(options.home);  // two starts at once
  return status;
}

}  // namespace

Status StartDaemon(const DaemonOptions& options) {
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    if (const auto started = StartOnce(options)) return *started;
  }
  return {Code::kGone, "other daemons for " + options.home.dir.string() +
                           " end while they start: " + options.home.LogPath().string() + " may say why"};
}

}  // namespace smiley::daemon
