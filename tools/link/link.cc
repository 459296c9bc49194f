#include "tools/link/link.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <string>

#include "tools/link/connect.h"
#include "tools/link/link_store.h"
#include "tools/terminal/terminal.h"

extern char** environ;

namespace smiley::tools {

namespace {

constexpr int kHelloTimeoutMs = 10'000;

class DaemonLink final : public Link {
 public:
  explicit DaemonLink(std::unique_ptr<daemon::Client> client) : client_(std::move(client)) {}
  Result<std::string> Ask(std::string_view request) override { return client_->Ask(request); }
  Result<bool> NextLine(std::string* line) override { return client_->NextLine(line); }
  Result<bool> NextFrame(std::string* bytes) override { return client_->NextFrame(bytes); }
  bool LineReady() override { return client_->LineReady(); }
  int fd() const override { return client_->fd(); }

 private:
  std::unique_ptr<daemon::Client> client_;
};

std::string LastLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  text.erase(0, text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
  constexpr std::string_view kPrefix = "smiley: ";
  return text.rfind(kPrefix, 0) == 0 ? text.substr(kPrefix.size()) : text;
}

// Runs `smiley-daemon start`, which returns when the daemon listens. As a separate program, the daemon inherits
// nothing of the state of this process.
Status StartDaemon() {
  char self[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0) return Status::FromErrno("cannot find smiley's own program", errno);
  self[length] = '\0';
  int words[2];
  if (::pipe2(words, O_CLOEXEC) != 0) return Status::FromErrno("cannot start the daemon", errno);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, words[1], STDERR_FILENO);
  char name[] = "smiley-daemon", verb[] = "start";
  char* arguments[] = {name, verb, nullptr};
  pid_t pid = -1;
  const int failure = ::posix_spawn(&pid, self, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(words[1]);
  if (failure != 0) {
    ::close(words[0]);
    return Status::FromErrno("cannot start the daemon", failure);
  }
  std::string said;
  char bytes[512];
  for (;;) {
    pollfd wait[2] = {{words[0], POLLIN, 0}, {InterruptFd(), POLLIN, 0}};
    if (::poll(wait, 2, -1) < 0 && errno != EINTR) break;
    if (Interrupted()) break;
    if (wait[0].revents == 0) continue;
    const ssize_t n = ::read(words[0], bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    if (said.size() < 16 * 1024) said.append(bytes, static_cast<std::size_t>(n));
  }
  ::close(words[0]);
  if (Interrupted()) return Status(Code::kInterrupted, "interrupted");
  int ended = 0;
  while (::waitpid(pid, &ended, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(ended) && WEXITSTATUS(ended) == 0) return Status::Ok();
  const std::string reason = LastLine(said);
  return Status(Code::kGone, reason.empty()
                                 ? "the daemon ended while it started; smiley-daemon start --foreground shows why"
                                 : reason);
}

Status DoesNotAnswer() {
  return Status(Code::kBusy, "the daemon is running but does not answer; try smiley-daemon restart");
}

}  // namespace

Status CheckVersion(daemon::Client* client) {
  if (const Status sent = client->Send("{\"op\":\"hello\",\"protocol\":0,\"client\":\"smiley " SMILEY_VERSION "\"}");
      !sent)
    return sent;
  while (!client->LineReady()) {
    pollfd wait[2] = {{client->fd(), POLLIN, 0}, {InterruptFd(), POLLIN, 0}};
    const int ready = ::poll(wait, 2, kHelloTimeoutMs);
    if (Interrupted()) return Status(Code::kInterrupted, "interrupted");
    if (ready == 0) return DoesNotAnswer();
    if ((wait[0].revents & (POLLHUP | POLLERR)) != 0) break;  // ReadLine returns the error
  }
  const Result<std::string> answer = client->ReadLine();
  if (!answer) return answer.status();
  return daemon::StatusOfAnswer(*answer);
}

Result<std::unique_ptr<daemon::Client>> OpenClient(const shm::Home& home) {
  daemon::Client::Options options;
  options.interrupt_fd = InterruptFd();
  // Nobody holds the lock: no daemon will listen soon, so do not wait.
  options.connect_timeout = std::chrono::milliseconds(shm::DaemonHoldsLock(home) ? 10'000 : 0);
  auto client = daemon::Client::Connect(home, options);
  if (!client && client.status().code() == Code::kGone) {
    if (const Status started = StartDaemon(); !started) return started;
    options.connect_timeout = std::chrono::milliseconds(5'000);
    client = daemon::Client::Connect(home, options);
  }
  if (!client) return client.status();
  if (const Status status = CheckVersion(client->get()); !status) return status;
  return client;
}

namespace {

Result<std::unique_ptr<daemon::Client>> OpenElsewhere() {
  daemon::Client::Options options;
  options.interrupt_fd = InterruptFd();
  auto client = ConnectTarget(options);
  if (!client) return client.status();
  if (const Status status = CheckVersion(client->get()); !status) {
    if (status.code() != Code::kGone && status.code() != Code::kBusy) return status;
    return Status(status.code(),
                  Target() + " does not answer as a smiley daemon; is smiley installed there and on the PATH?");
  }
  return client;
}

}  // namespace

Result<std::unique_ptr<daemon::Client>> OpenTarget() {
  if (!Target().empty()) return OpenElsewhere();
  const Result<shm::Home> home = shm::Home::Open();
  if (!home) return home.status();
  return OpenClient(*home);
}

Result<std::unique_ptr<Link>> OpenLink(NeedDaemon need) {
  if (!Target().empty()) {
    auto client = OpenElsewhere();
    if (!client) return client.status();
    return std::unique_ptr<Link>(std::make_unique<DaemonLink>(std::move(*client)));
  }
  const Result<shm::Home> home = shm::Home::Open();
  if (!home) return home.status();
  auto client = OpenClient(*home);
  if (client.ok()) return std::unique_ptr<Link>(std::make_unique<DaemonLink>(std::move(*client)));
  const Code code = client.status().code();
  // A daemon that refuses the request must be reported, not bypassed.
  if (need == NeedDaemon::kYes || code == Code::kInterrupted || code == Code::kVersion || code == Code::kForeign)
    return client.status();
  auto store = OpenStoreLink(*home);
  if (!store) return client.status();
  Say("the daemon cannot be reached (" + client.status().message() + "); reading the store itself");
  return store;
}

}  // namespace smiley::tools
