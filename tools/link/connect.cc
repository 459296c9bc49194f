#include "tools/link/connect.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <utility>

#include "daemon/protocol/remote_access.h"
#include "daemon/protocol/tls_client.h"
#include "shm/base/home.h"
#include "tools/terminal/terminal.h"

extern char** environ;

namespace smiley::tools {

namespace {

constexpr std::string_view kSsh = "ssh:";
constexpr auto kConnectTime = std::chrono::milliseconds(10'000);

std::string& TargetPlace() {
  static std::string target;
  return target;
}

struct SshTarget {
  std::string host, program = "smiley";
};

// Quotes one word for a shell.
std::string ShellWord(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

// True for text that a shell or ssh can only take as a name.
bool IsPlain(std::string_view text, std::string_view also) {
  return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [also](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           also.find(c) != std::string_view::npos;
  });
}

Result<SshTarget> ParseSsh(std::string_view text) {
  SshTarget out;
  const std::size_t colon = text.find(':');
  out.host = std::string(text.substr(0, colon));
  if (colon != std::string_view::npos) out.program = std::string(text.substr(colon + 1));
  const bool is_path =
      out.program.starts_with('/') && out.program.find_first_of(std::string_view("\0\n\r", 3)) == std::string::npos;
  if (!IsPlain(out.host, "@.-_") || !(is_path || IsPlain(out.program, "/.-_+"))) {
    return Status(
        Code::kInvalid,
        "ssh: takes [USER@]HOST, followed by :/PATH/TO/smiley where smiley is not on the PATH of that machine");
  }
  return out;
}

Result<int> ConnectSsh(const SshTarget& target) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return Status::FromErrno("cannot make a socket", errno);
  const char* given = std::getenv("SMILEY_SSH");
  std::string ssh = given != nullptr && *given != '\0' ? given : "ssh";
  std::string no_terminal = "-T", host = target.host, command = ShellWord(target.program) + " daemon pipe";
  char* words[] = {ssh.data(), no_terminal.data(), host.data(), command.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int failure = ::posix_spawnp(&pid, ssh.c_str(), &actions, &attributes, words, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (failure != 0) {
    ::close(ends[0]);
    return Status::FromErrno("cannot run " + ssh, failure);
  }
  return ends[0];
}

}  // namespace

void SetTarget(std::string target) { TargetPlace() = std::move(target); }
const std::string& Target() { return TargetPlace(); }
std::string TargetWords() {
  if (Target().empty()) return {};
  return " --connect " + (IsPlain(Target(), ":/.-_+@[]") ? Target() : ShellWord(Target()));
}

Status CheckTarget(const std::string& target) {
  if (target.starts_with(kSsh)) return ParseSsh(std::string_view(target).substr(kSsh.size())).status();
  return daemon::ParseAddress(target).status();
}

Result<std::unique_ptr<daemon::Client>> ConnectTarget(const daemon::Client::Options& options) {
  Result<int> fd = -1;
  if (Target().starts_with(kSsh)) {
    const auto ssh = ParseSsh(std::string_view(Target()).substr(kSsh.size()));
    if (!ssh) return ssh.status();
    fd = ConnectSsh(*ssh);
  } else {
    const auto home = shm::Home::Open();
    if (!home) return home.status();
    const auto token = daemon::FindToken(*home, Target());
    if (!token) return token.status();
    fd = daemon::ConnectTls(Target(), *token, kConnectTime, options.interrupt_fd);
  }
  if (!fd) return fd.status();
  return daemon::Client::Adopt(*fd, options);
}

int CarryPipe(int fd) {
  ::signal(SIGPIPE, SIG_IGN);
  const auto carry = [](int from, int to) {
    std::string bytes(64 * 1024, '\0');
    for (;;) {
      pollfd wait{from, POLLIN, 0};
      if (::poll(&wait, 1, -1) < 0 && errno != EINTR) return;
      const ssize_t got = ::read(from, bytes.data(), bytes.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got <= 0) return;
      for (ssize_t at = 0; at < got;) {
        const ssize_t put = ::write(to, bytes.data() + at, static_cast<std::size_t>(got - at));
        if (put >= 0) {
          at += put;
        } else if (errno == EAGAIN) {
          pollfd room{to, POLLOUT, 0};
          ::poll(&room, 1, -1);
        } else if (errno != EINTR) {
          return;
        }
      }
    }
  };
  std::thread([carry, fd] {
    carry(STDIN_FILENO, fd);
    ::shutdown(fd, SHUT_WR);
  }).detach();
  carry(fd, STDOUT_FILENO);
  return 0;
}

}  // namespace smiley::tools
