#include "daemon/daemon.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "daemon/protocol/home_socket.h"
#include "daemon/protocol/remote_access.h"
#include "tools/commands/arguments.h"
#include "tools/commands/daemon_status.h"
#include "tools/commands/verbs.h"
#include "tools/link/ask.h"
#include "tools/link/connect.h"
#include "tools/link/link.h"
#include "tools/terminal/screen.h"
#include "tools/terminal/text.h"
#include "tools/terminal/units.h"

namespace smiley::tools {

namespace {

constexpr std::uint64_t kLeastQuota = 1'000'000;
constexpr auto kStopTime = std::chrono::seconds(30);  // for storing the last events

std::string Where(const shm::Home& home) { return home.dir.string(); }

// Waits until the lock is free. False: the time has passed, or Ctrl-C was pressed.
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
    return kExitOk;  // a daemon is running, as requested
  }
  if (!status) return Fail(status);
  Say("the daemon is running for " + Where(options.home));
  return kExitOk;
}

int Stop(const shm::Home& home, bool quiet) {
  if (!shm::DaemonHoldsLock(home)) {
    if (!quiet) Say("no daemon is running for " + Where(home));
    return kExitOk;
  }
  WatchSignals();
  const pid_t holder = shm::FindDaemon(home);
  daemon::Client::Options connect;
  connect.connect_timeout = std::chrono::milliseconds(2'000);
  connect.timeout = std::chrono::milliseconds(5'000);
  connect.interrupt_fd = InterruptFd();
  bool asked = false;
  if (auto client = daemon::Client::Connect(home, connect); client.ok())
    asked = (*client)->Ask("{\"op\":\"stop\"}").ok();
  if (Interrupted()) return kExitInterrupted;
  // A daemon that does not answer gets SIGTERM; it stores the last events then as well.
  if (!asked && holder > 0) ::kill(holder, SIGTERM);
  Progress progress;
  progress.Show("storing the last events");
  const bool ended = WaitForEnd(home, kStopTime);
  progress.Clear();
  if (Interrupted()) return kExitInterrupted;
  if (!ended) {
    if (holder == 0) {
      Say("the daemon does not stop, and its process cannot be seen from here");
    } else {
      Say("the daemon (pid " + std::to_string(holder) + ") does not stop; 'kill -9 " + std::to_string(holder) +
          "' stops it and loses no recorded event");
    }
    return kExitNo;
  }
  if (!quiet) Say("the daemon has stopped");
  return kExitOk;
}

int PrintStatus(const shm::Home& home, bool json, ColorChoice color) {
  WatchSignals();
  daemon::Client::Options connect;
  connect.connect_timeout = std::chrono::milliseconds(Target().empty() && shm::DaemonHoldsLock(home) ? 5'000 : 0);
  connect.timeout = std::chrono::milliseconds(10'000);
  connect.interrupt_fd = InterruptFd();
  auto client = Target().empty() ? daemon::Client::Connect(home, connect) : ConnectTarget(connect);
  if (!client) {
    if (client.status().code() == Code::kGone && json && Target().empty()) {
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
    const Result<std::string> text =
        RenderStatus(*answer, DetectScreen(color), now.tv_sec * 1'000'000'000LL + now.tv_nsec);
    if (!text) return Fail(text.status());
    Output::Get().Write(*text);
  }
  Output::Get().Flush();
  return kExitOk;
}

// Prints the token to standard output: it can go through a pipe, and stays out of the shell's history.
int ShowToken(const shm::Home& home) {
  const auto access = daemon::OpenRemoteAccess(home);
  if (!access) return Fail(access.status());
  Output::Get().Write(daemon::FormatToken(access->token) + "\n");
  Output::Get().Flush();
  Say("whoever has this token can read and delete your runs; on the other machine, run smiley-daemon token --save "
      "HOST:PORT and paste it");
  return kExitOk;
}

int KeepToken(const shm::Home& home, const std::string& address) {
  if (const auto parsed = daemon::ParseAddress(address); !parsed) {
    Say("--save: " + Clean(parsed.status().message()));
    return kExitUsage;
  }
  if (IsTerminal(STDIN_FILENO)) Say("paste the token and press Enter:");
  std::string text;
  char byte = 0;
  while (text.size() < 4096 && ::read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') text += byte;
  const auto token = daemon::ParseToken(text);
  if (!token) return Fail(token.status());
  if (const Status saved = daemon::SaveToken(home, address, *token); !saved) return Fail(saved);
  Say("token saved; next: smiley-list --connect " + address);
  return kExitOk;
}

// What `--connect ssh:HOST` runs at the other end.
int Pipe(const shm::Home& home) {
  {
    const auto client = OpenClient(home);  // starts the daemon where none runs
    if (!client) return Fail(client.status());
  }
  const auto fd = daemon::ConnectToHome(home, std::chrono::milliseconds(5'000), -1);
  if (!fd) return Fail(fd.status());
  return CarryPipe(*fd);
}

}  // namespace

int DaemonMain(int argc, char** argv) {
  std::string action, store, quota, listen, save, web;
  bool foreground = false, json = false;
  ColorChoice color = ColorChoice::kAuto;
  Arguments arguments(
      "Starts, stops or queries the daemon, which stores runs and answers the other commands. smiley starts it when "
      "it is needed.",
      "smiley-daemon start   in the background\n"
      "smiley-daemon start --foreground   in this terminal, until Ctrl-C\n"
      "smiley-daemon start --quota 20G   delete the oldest runs when the store grows beyond 20 GB\n"
      "smiley-daemon start --listen :4040   for smiley-list --connect HOST:4040 on other machines\n"
      "smiley-daemon start --web 127.0.0.1:8080   serve the page at this address\n"
      "smiley-daemon token   print the token that other machines need\n"
      "smiley-daemon status --json   runs, rings, rates and losses, for scripts\n"
      "smiley-daemon restart   after an update");
  arguments.OneOf("ACTION", &action, {"start", "stop", "status", "restart", "token", "pipe"}, "what to do")
      .Text("--store", &store, "the directory of the store, kept for later starts (default: in smiley's home)",
            "DIR|default")
      .Text("--quota", &quota, "the largest size of the store, as in 500M or 20G, kept for later starts", "SIZE|off")
      .Text("--listen", &listen, "accept other machines, with TLS and a token; kept for later starts",
            "HOST:PORT|off")
      .Text("--web", &web,
            "serve the page at this address (start, restart; default: the loopback, from the first smiley-web on)",
            "HOST:PORT|off")
      .Text("--save", &save,
            "with token: read another machine's token from standard input and keep it for --connect HOST:PORT",
            "HOST:PORT")
      .Flag("--foreground", &foreground, "run in the foreground (start, restart)")
      .Flag("--json", &json, "with status: print one JSON object")
      .Color(&color)
      .Connect();
  if (const auto exit = arguments.Parse(argc, argv)) return *exit;
  if (action.empty()) {
    Say("give an action: smiley-daemon start, stop, status, restart, token or pipe");
    return kExitUsage;
  }
  const bool starts = action == "start" || action == "restart";
  const bool changes_settings = !store.empty() || !quota.empty() || !listen.empty() || !web.empty();
  if (!starts && (foreground || changes_settings)) {
    Say("--store, --quota, --listen, --web and --foreground go with start and restart only");
    return kExitUsage;
  }
  if (!save.empty() && action != "token") {
    Say("--save goes with token only");
    return kExitUsage;
  }
  if (!Target().empty() && action != "status") {
    Say("--connect goes with status only; run smiley-daemon on that machine for the rest");
    return kExitUsage;
  }
  daemon::DaemonOptions options;
  if (!quota.empty()) {
    options.quota_bytes = quota == "off" ? 0 : ParseBytes(quota);
    if (!options.quota_bytes || (quota != "off" && *options.quota_bytes < kLeastQuota)) {
      Say("--quota takes a size from 1M, as in 500M or 20G, or off");
      return kExitUsage;
    }
  }
  if (!listen.empty()) {
    if (listen.front() == ':') listen.insert(0, "0.0.0.0");
    options.listen = listen == "off" ? std::string() : listen;
    if (const auto address = daemon::ParseAddress(listen); listen != "off" && !address) {
      Say("--listen: " + Clean(address.status().message()));
      return kExitUsage;
    }
  }
  const Result<shm::Home> home = shm::Home::Open();
  if (!home) return Fail(home.status());
  if (action == "token") return save.empty() ? ShowToken(*home) : KeepToken(*home, save);
  if (action == "pipe") return Pipe(*home);
  if (action == "status") return PrintStatus(*home, json, color);
  if (action == "stop") return Stop(*home, false);
  options.home = *home;
  options.web = web;
  if (!store.empty()) options.store = store == "default" ? std::filesystem::path() : std::filesystem::absolute(store);
  // New settings restart a running daemon. Recorded programs do not notice.
  if (action == "restart" || changes_settings) {
    if (const int stopped = Stop(*home, true); stopped != kExitOk) return stopped;
  }
  return Start(options, foreground);
}

}  // namespace smiley::tools
