#include "tools/run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace smiley::tools {

namespace {

constexpr int kForwarded[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGQUIT, SIGCONT, SIGWINCH};

sigset_t g_mask_before;
struct sigaction g_child_action_before;

sigset_t WaitedSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kForwarded) sigaddset(&set, signal);
  sigaddset(&set, SIGCHLD);
  return set;
}

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

// Replaces a descriptor by /dev/null. A copy in smiley-run would keep a pipe open that the program has closed.
void ReplaceWithNull(int fd, int flags) {
  const int null = open("/dev/null", flags | O_CLOEXEC);
  if (null < 0) return;
  if (null != fd) {
    dup2(null, fd);
    close(null);
  }
}

}  // namespace

ChildRunner::ChildRunner() {
  // The system reports no exit code where SIGCHLD is ignored.
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &standard, &g_child_action_before);
  const sigset_t set = WaitedSignals();
  sigprocmask(SIG_BLOCK, &set, &g_mask_before);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

ChildRunner::~ChildRunner() {
  StopWitness();
  if (signals_ >= 0) close(signals_);
}

Status ChildRunner::Start(const ProgramToRun& program, const std::vector<std::string>& environment,
                          StdinSource* input, Capture* capture) {
  capture_ = capture;
  if (signals_ < 0) return Status(Code::kIo, "signals cannot be waited for");
  int ends[2];  // reports a failed exec; a successful exec closes it
  if (pipe2(ends, O_CLOEXEC) != 0) return Status::FromErrno("a pipe", errno);
  std::vector<char*> argv = Pointers(program.argv), envp = Pointers(environment);
  const pid_t pid = fork();
  if (pid < 0) {
    const int saved = errno;
    close(ends[0]);
    close(ends[1]);
    return Status::FromErrno("a process for the program", saved);
  }
  if (pid == 0) {
    if (input->child_fd() >= 0) dup2(input->child_fd(), STDIN_FILENO);
    capture->InstallInChild();
    sigaction(SIGCHLD, &g_child_action_before, nullptr);
    sigprocmask(SIG_SETMASK, &g_mask_before, nullptr);
    execve(program.path.c_str(), argv.data(), envp.data());
    const int failed = errno;
    const ssize_t reported = write(ends[1], &failed, sizeof failed);
    _exit(reported == sizeof failed ? 126 : 125);
  }
  child_ = pid;
  close(ends[1]);
  capture->CloseProgramEnds();
  int failed = 0;
  ssize_t got;
  while ((got = read(ends[0], &failed, sizeof failed)) < 0 && errno == EINTR) {
  }
  close(ends[0]);
  if (got == sizeof failed) {
    waitpid(pid, nullptr, 0);
    child_ = -1;
    return Status::FromErrno(program.path, failed);
  }
  input->CloseChildEnd();
  StartWitness();
  ReplaceWithNull(STDIN_FILENO, O_RDONLY);
  ReplaceWithNull(STDOUT_FILENO, O_WRONLY);
  return Status::Ok();
}

Ended ChildRunner::Wait(StdinSource* input) {
  for (;;) {
    pollfd waits[2] = {{signals_, POLLIN, 0}, {input->feed_fd(), POLLOUT, 0}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) break;
    if (waits[1].revents != 0) input->Feed();
    signalfd_siginfo info;
    bool child_changed = false;
    while (read(signals_, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGCHLD) {
        child_changed = true;
      } else {
        OnSignal(static_cast<int>(info.ssi_signo), info.ssi_code <= 0);
      }
    }
    int status = 0;
    if (!child_changed || waitpid(child_, &status, WNOHANG) != child_) continue;
    child_ = -1;
    StopWitness();
    Ended ended;
    if (WIFSIGNALED(status)) {
      ended.signal = WTERMSIG(status);
    } else {
      ended.exit_code = WEXITSTATUS(status);
    }
    return ended;
  }
  Ended lost;
  lost.exit_code = 125;
  return lost;
}

void ChildRunner::OnSignal(int signal, bool sent_by_process) {
  if (signal == SIGWINCH && child_ > 0 && capture_->ResizeWindow()) {
    kill(child_, SIGWINCH);
    return;
  }
  // The terminal sends its signals to the whole group, so the program has them.
  if (child_ <= 0 || !sent_by_process) return;
  if (signal == dump_signal_) return dump_();
  if (!WitnessGot(signal)) kill(child_, signal);
}

// Starts a witness: a process in the group that only waits. It is younger than smiley-run, so a signal to the group
// is pending there before smiley-run gets it. Then the program has the signal too, and must not get it twice.
void ChildRunner::StartWitness() {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    syscall(SYS_close_range, 0u, ~0u, 0u);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    if (getppid() != parent) _exit(0);
    for (;;) pause();
  }
  witness_ = pid;
}

bool ChildRunner::WitnessGot(int signal) {
  if (witness_ <= 0) return false;
  std::ifstream status("/proc/" + std::to_string(witness_) + "/status");
  std::string line;
  unsigned long long pending = 0;
  while (std::getline(status, line)) {
    if (line.starts_with("ShdPnd:")) pending = strtoull(line.c_str() + 7, nullptr, 16);
  }
  if ((pending >> (signal - 1) & 1) == 0) return false;
  StopWitness();
  StartWitness();
  return true;
}

void ChildRunner::StopWitness() {
  if (witness_ <= 0) return;
  kill(witness_, SIGKILL);
  while (waitpid(witness_, nullptr, 0) < 0 && errno == EINTR) {
  }
  witness_ = -1;
}

int ChildRunner::FreshInterruptFd() {
  signalfd_siginfo info;
  while (read(signals_, &info, sizeof info) == sizeof info) {
  }
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  signalfd(signals_, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return signals_;
}

void EndAs(const Ended& ended) {
  fflush(nullptr);
  if (ended.signal != 0) {
    // Only the program may leave a core file.
    const rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;
    sigaction(ended.signal, &standard, nullptr);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, ended.signal);
    kill(getpid(), ended.signal);
    sigprocmask(SIG_UNBLOCK, &set, nullptr);
    _exit(128 + ended.signal);
  }
  _exit(ended.exit_code);
}

}  // namespace smiley::tools
