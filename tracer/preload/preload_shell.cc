// Implements system() and popen() with posix_spawn for processes of a run. Inside libc they reach exec by a path that
// cannot be replaced.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracer/preload/preload.h"

#define SMILEY_INTERPOSE extern "C" __attribute__((visibility("default")))

namespace smiley::tracer {
namespace {

// Several threads may be in system() at once. The first one ignores SIGINT and SIGQUIT, and the last one restores
// them.
pthread_mutex_t g_shell_lock = PTHREAD_MUTEX_INITIALIZER;
int g_shells = 0;
struct sigaction g_saved_int, g_saved_quit;

// A stream that popen() here has opened. libc's pclose() does not know it.
struct PipedChild {
  FILE* stream;
  pid_t pid;
  PipedChild* next;
};
pthread_mutex_t g_piped_lock = PTHREAD_MUTEX_INITIALIZER;
PipedChild* g_piped = nullptr;

int WaitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return status;
}

void EnterShell() {
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  pthread_mutex_lock(&g_shell_lock);
  if (g_shells++ == 0) {
    sigaction(SIGINT, &ignore, &g_saved_int);
    sigaction(SIGQUIT, &ignore, &g_saved_quit);
  }
  pthread_mutex_unlock(&g_shell_lock);
}

void LeaveShell() {
  pthread_mutex_lock(&g_shell_lock);
  if (--g_shells == 0) {
    sigaction(SIGINT, &g_saved_int, nullptr);
    sigaction(SIGQUIT, &g_saved_quit, nullptr);
  }
  pthread_mutex_unlock(&g_shell_lock);
}

// The command line of the shell in this version of libc. From 2.38 on it has "--", so that a command may begin with
// '-'.
struct ShellWords {
  const char* words[5];
  explicit ShellWords(const char* command) : words{"sh", "-c", "--", command, nullptr} {
    const char* const version = gnu_get_libc_version();
    const int minor = version[0] == '2' && version[1] == '.' ? atoi(version + 2) : 99;
    if (minor < 38) words[2] = command, words[3] = nullptr;
  }
  char* const* get() const { return const_cast<char* const*>(words); }
};

int RunShell(const char* command) {
  sigset_t child_signal, mask, restored;
  EnterShell();
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &child_signal, &mask);
  sigemptyset(&restored);
  if (g_saved_int.sa_handler != SIG_IGN) sigaddset(&restored, SIGINT);
  if (g_saved_quit.sa_handler != SIG_IGN) sigaddset(&restored, SIGQUIT);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &mask);
  posix_spawnattr_setsigdefault(&attributes, &restored);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  // POSIX: a shell that cannot be started has the status of one that ended with 127.
  int status = 127 << 8;
  pid_t pid;
  const ShellWords words(command);
  const int failed = posix_spawn(&pid, "/bin/sh", nullptr, &attributes, words.get(), environ);
  posix_spawnattr_destroy(&attributes);
  if (failed == 0) {
    status = WaitFor(pid);
  } else if (failed == ENOMEM || failed == EAGAIN) {
    status = -1;
  }
  const int saved = failed ? failed : errno;
  LeaveShell();
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  if (status == -1) errno = saved;
  return status;
}

template <typename Fn>
Fn Real(const char* name) {
  return reinterpret_cast<Fn>(dlsym(RTLD_NEXT, name));
}

FILE* OpenPiped(const char* command, const char* mode) {
  bool read = false, write = false, close_on_exec = false;
  for (const char* at = mode; *at; ++at) {
    read |= *at == 'r';
    write |= *at == 'w';
    close_on_exec |= *at == 'e';
  }
  if (read == write) {
    errno = EINVAL;
    return nullptr;
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return nullptr;
  const int ours = ends[read ? 0 : 1];
  const int theirs = ends[read ? 1 : 0];
  const int target = read ? STDOUT_FILENO : STDIN_FILENO;
  auto* const child = static_cast<PipedChild*>(malloc(sizeof(PipedChild)));
  FILE* const stream = child ? fdopen(ours, read ? "r" : "w") : nullptr;
  if (!stream) {
    free(child);
    close(ours);
    close(theirs);
    return nullptr;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  pthread_mutex_lock(&g_piped_lock);
  // POSIX: streams of earlier popen() calls are closed in the new child.
  for (const PipedChild* other = g_piped; other; other = other->next) {
    const int fd = fileno(other->stream);
    if (fd != target) posix_spawn_file_actions_addclose(&actions, fd);
  }
  posix_spawn_file_actions_adddup2(&actions, theirs, target);
  const ShellWords words(command);
  const int failed = posix_spawn(&child->pid, "/bin/sh", &actions, nullptr, words.get(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed == 0) {
    child->stream = stream;
    child->next = g_piped;
    g_piped = child;
  }
  pthread_mutex_unlock(&g_piped_lock);
  close(theirs);
  if (failed) {
    fclose(stream);
    free(child);
    errno = failed;
    return nullptr;
  }
  if (!close_on_exec) fcntl(ours, F_SETFD, 0);
  return stream;
}

// Removes the stream from the list and sets *pid to its child. False: popen() here has not opened it.
bool TakePiped(FILE* stream, pid_t* pid) {
  bool found = false;
  pthread_mutex_lock(&g_piped_lock);
  for (PipedChild** at = &g_piped; *at; at = &(*at)->next) {
    if ((*at)->stream != stream) continue;
    PipedChild* const child = *at;
    *pid = child->pid;
    *at = child->next;
    free(child);
    found = true;
    break;
  }
  pthread_mutex_unlock(&g_piped_lock);
  return found;
}

}  // namespace
}  // namespace smiley::tracer

using namespace smiley::tracer;

SMILEY_INTERPOSE int system(const char* command) {
  if (!g_follow || !command) return Real<int (*)(const char*)>("system")(command);
  return RunShell(command);
}

SMILEY_INTERPOSE FILE* popen(const char* command, const char* mode) {
  if (!g_follow) return Real<FILE* (*)(const char*, const char*)>("popen")(command, mode);
  return OpenPiped(command, mode);
}

SMILEY_INTERPOSE int pclose(FILE* stream) {
  pid_t pid;
  if (!TakePiped(stream, &pid)) return Real<int (*)(FILE*)>("pclose")(stream);
  fclose(stream);
  return WaitFor(pid);
}
