#include "daemon/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "tools/arguments.h"
#include "tools/daemon_status.h"
#include "tools/link.h"
#include "tools/look.h"
#include "tools/verbs.h"

namespace smiley::tools {

namespace {

constexpr auto kStopTime = std::chrono::seconds(30);  // for storing what is on its way

std::string Where(const shm::Home& home) { return home.dir.string(); }

// The process that holds the daemon's lock; 0 when nobody does.
pid_t LockHolder(const shm::Home& home) {
  const int fd = ::open(home.LockPath().c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool asked = ::fcntl(fd, F_GETLK, &lock) == 0;
  ::close(fd);
  return asked && lock.l_type != F_UNLCK ? lock.l_pid : 0;
}

// Until nobody holds the lock any more; false when time ran out or Ctrl-C was pressed.
bool WaitForEnd(const shm::Home& home, std::chrono::steady_clock::duration time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (shm::DaemonHoldsLock(home)) {
    if (Interrupted() || std::chrono::steady_clock::now() > until) return false;
    pollfd wait{InterruptFd(), POLLIN, 0};
    ::poll(&wait, 1, 20);
  }
  return true;
}

int Start(const daemon::DaemonOptions& options, bool foreground) {
  if (foreground) {
    const Status status = daemon::RunDaemon(options);
    if (status.ok()) return kExitOk;
    Say(status.message());
    return kExitNo;
  }
  const Status status = daemon::StartDaemon(options);
  if (status.code() == Code::kBusy && shm::DaemonHoldsLock(options.home)) {
    Say(status.message());
    return kExitOk;  // what was asked for is the case
  }
  if (!status) return Fail(status);
  Say("the daemon runs for " + Where(options.home));
  return kExitOk;
}

int Stop(const shm::Home& home, bool quiet) {
  if (!shm::DaemonHoldsLock(home)) {
    if (!quiet) Say("no daemon runs for " + Where(home));
    return kExitOk;
  }
  WatchSignals();
  const pid_t holder = LockHolder(home);
  daemon::Client::Options connect;
  connect.connect_timeout = std::chrono::milliseconds(2'000);
  connect.timeout = std::chrono::milliseconds(5'000);
  connect.interrupt_fd = InterruptFd();
  bool asked = false;
  if (auto client = daemon::Client::Connect(home, connect); client.ok()) asked = (*client)->Ask("{\"op\":\"stop\"}").ok();
  if (Interrupted()) return kExitInterrupted;
  // One that does not answer is asked in the system's way; it stores what it has then too.
  if (!asked && holder > 0) ::kill(holder, SIGTERM);
  Progress progress;
  progress.Show("storing what is on its way");
  const bool ended = WaitForEnd(home, kStopTime);
  progress.Clear();
  if (Interrupted()) return kExitInterrupted;
  if (!ended) {
    Say("the daemon (pid " + std::to_string(holder) + ") does not end; 'kill -9 " + std::to_string(holder) +
        "' loses nothing that programs have recorded");
    return kExitNo;
  }
  if (!quiet) Say("the daemon has stopped");
  return kExitOk;
}

int PrintStatus(const shm::Home& home, bool json, ColorChoice color) {
  WatchSignals();
  daemon::Client::Options connect;
  connect.connect_timeout = std::chrono::milliseconds(shm::DaemonHoldsLock(home) ? 5'000 : 0);
  connect.timeout = std::chrono::milliseconds(10'000);
  connect.interrupt_fd = InterruptFd();
  auto client = daemon::Client::Connect(home, connect);
  if (!client) {
    if (client.status().code() == Code::kGone && json) {
      Output::Get().Write("{\"type\":\"status\",\"running\":false,\"home\":" + Quote(Where(home)) + "}\n");
      Output::Get().Flush();
      return kExitNo;
    }
    return Fail(client.status());
  }
  const Result<std::string> answer = (*client)->Ask("{\"op\":\"status\"}");
  if (!answer) return Fail(answer.status());
  if (json) {
    Output::Get().Write(StatusObject(*answer) + "\n");
  } else {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const Result<std::string> text = RenderStatus(*answer, LookOf(color), now.tv_sec * 1'000'000'000LL + now.tv_nsec);
    if (!text) return Fail(text.status());
    Output::Get().Write(*text);
  }
  Output::Get().Flush();
  return kExitOk;
}

}  // namespace

int DaemonMain(int argc, char** argv) {
  std::string action, store, web;
  bool foreground = false, json = false;
  ColorChoice color = ColorChoice::kAuto;
  Arguments arguments("The daemon stores what programs record and answers the other commands. It is started by itself when needed.",
                      "  smiley-daemon start                    in the background\n"
                      "  smiley-daemon start --foreground       here, until Ctrl-C\n"
                      "  smiley-daemon start --web 127.0.0.1:8080   the page at an address of your choice\n"
                      "  smiley-daemon status --json            runs, rings, rates, losses, for scripts\n"
                      "  smiley-daemon restart                  after an update");
  arguments.OneOf("ACTION", &action, {"start", "stop", "status", "restart"}, "what to do")
      .Text("--store", &store, "keep runs in this directory (start, restart; default: store in the home)", "DIR")
      .Text("--web", &web, "serve the page there (start, restart; default: the loopback, when smiley-web first asks)", "HOST:PORT|off")
      .Flag("--foreground", &foreground, "stay in the foreground (start, restart)")
      .Flag("--json", &json, "status as one JSON object")
      .Color(&color);
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (action.empty()) {
    Say("say what the daemon should do: smiley-daemon start, stop, status or restart");
    return kExitUsage;
  }
  const bool starts = action == "start" || action == "restart";
  if (!starts && (foreground || !store.empty() || !web.empty())) {
    Say("--store, --web and --foreground belong to start and restart");
    return kExitUsage;
  }
  const Result<shm::Home> home = shm::Home::Open();
  if (!home) return Fail(home.status());
  if (action == "status") return PrintStatus(*home, json, color);
  if (action == "stop") return Stop(*home, false);
  daemon::DaemonOptions options;
  options.home = *home;
  if (!store.empty()) options.store = std::filesystem::absolute(store);
  options.web = web;
  if (action == "restart") {
    if (const int stopped = Stop(*home, true); stopped != kExitOk) return stopped;
  }
  return Start(options, foreground);
}

}  // namespace smiley::tools
