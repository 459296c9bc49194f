// Hands the run on to the processes that this one starts, by replacing libc's exec functions.
//
// Everything here may run between vfork and exec, in a child that shares its parent's memory. So it allocates
// nothing, takes no lock, and writes to nothing that the parent owns. The new environment is built on the stack.
// Outside of a run each function costs one test.
#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tracer/preload/preload.h"
#include "tracer/preload/preload_target.h"

#define SMILEY_INTERPOSE extern "C" __attribute__((visibility("default")))

namespace smiley::tracer {
namespace {

using Strings = char* const*;
using ExecFn = int (*)(const char*, Strings, Strings);
using FexecFn = int (*)(int, Strings, Strings);
using ExecAtFn = int (*)(int, const char*, Strings, Strings, int);
using SpawnFn = int (*)(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*, Strings,
                        Strings);

ExecFn g_execve;
ExecFn g_execvpe;
FexecFn g_fexecve;
ExecAtFn g_execveat;
SpawnFn g_spawn;
SpawnFn g_spawnp;

constexpr size_t kStackEntries = 4096;  // larger environments get a mapping, which a vfork leaves to the parent

// The child's environment: the caller's entries, then LD_PRELOAD and SMILEY_RUN. It lives until exec or the end of
// its scope.
class ChildEnvironment {
 public:
  // The bytes that the caller has to provide on the stack (alloca). 0: the environment is too large and gets a
  // mapping.
  static size_t StackBytes(Strings envp) {
    size_t count = 0, preload = 0;
    Measure(envp, &count, &preload);
    const size_t bytes = Bytes(count, preload);
    return bytes <= kStackEntries * sizeof(char*) ? bytes : 0;
  }

  ChildEnvironment(Strings envp, void* stack) {
    size_t count = 0, preload = 0;
    const char* const users = Measure(envp, &count, &preload);
    void* memory = stack;
    if (!memory) {
      mapped_bytes_ = Bytes(count, preload);
      memory = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) {
        mapped_bytes_ = 0;
        entries_ = const_cast<char**>(envp);
        return;
      }
      mapped_ = memory;
    }
    entries_ = static_cast<char**>(memory);
    char** to = entries_;
    for (Strings from = envp; from && *from; ++from) {
      if (!IsOurs(*from)) *to++ = *from;
    }
    char* text = reinterpret_cast<char*>(entries_ + count + 3);
    *to++ = text;
    *to++ = g_handoff->child_entry;
    *to = nullptr;
    text = stpcpy(text, kPreloadEntry);
    text = stpcpy(text, g_handoff->library);
    if (users && *users) {
      *text++ = ':';
      stpcpy(text, users);
    }
  }
  ~ChildEnvironment() {
    if (mapped_) munmap(mapped_, mapped_bytes_);
  }
  ChildEnvironment(const ChildEnvironment&) = delete;
  ChildEnvironment& operator=(const ChildEnvironment&) = delete;

  Strings entries() const { return entries_; }

 private:
  // True for an entry of the hand-over. A program has one when another library's constructor copied the environment
  // before ours ran, or when a parent that cannot be recorded passed it on.
  static bool IsOurs(const char* entry) {
    if (!strncmp(entry, kRunEntry, sizeof kRunEntry - 1)) return true;
    if (strncmp(entry, kPreloadEntry, sizeof kPreloadEntry - 1) != 0) return false;
    const char* const value = entry + sizeof kPreloadEntry - 1;
    const size_t length = strlen(g_handoff->library);
    return !strncmp(value, g_handoff->library, length) && (value[length] == 0 || value[length] == ':');
  }
  // Counts the entries. Returns the value of the last LD_PRELOAD that is not ours; null: there is none.
  static const char* Measure(Strings envp, size_t* count, size_t* preload) {
    const char* users = nullptr;
    for (Strings entry = envp; entry && *entry; ++entry) {
      ++*count;
      if (!strncmp(*entry, kPreloadEntry, sizeof kPreloadEntry - 1) && !IsOurs(*entry)) {
        users = *entry + sizeof kPreloadEntry - 1;
      }
    }
    *preload = users ? strlen(users) : 0;
    return users;
  }
  static size_t Bytes(size_t count, size_t preload) {
    return (count + 3) * sizeof(char*) + sizeof kPreloadEntry + strlen(g_handoff->library) + 1 + preload + 1;
  }

  char** entries_ = nullptr;
  void* mapped_ = nullptr;
  size_t mapped_bytes_ = 0;
};

// True when the program at `path` gets the entries. Notes why a program will not be recorded.
bool HandOnTo(const char* path) {
  if (!g_follow) return false;
  const int saved = errno;
  const char* why;
  const bool carries = CanCarry(path, &why);
  if (why) NoteUnrecordable(path, why);
  errno = saved;
  return carries;
}

// Finds the first file of PATH that can be executed, as execvp does. False: there is none, and libc's function
// reports the error.
bool FindOnPath(const char* file, char* out) {
  if (strchr(file, '/')) {
    if (strlen(file) >= PATH_MAX) return false;
    stpcpy(out, file);
    return true;
  }
  const char* folders = getenv("PATH");
  if (!folders) folders = "/bin:/usr/bin";
  const size_t name = strlen(file);
  for (;;) {
    const char* end = folders;
    while (*end && *end != ':') ++end;
    const size_t length = static_cast<size_t>(end - folders);
    if (length + name + 2 <= PATH_MAX) {
      memcpy(out, folders, length);
      if (length) out[length] = '/';
      memcpy(out + length + (length ? 1 : 0), file, name + 1);
      if (access(out, X_OK) == 0) return true;
    }
    if (!*end) return false;
    folders = end + 1;
  }
}

bool HandOnToFile(const char* file) {
  char path[PATH_MAX];
  if (!g_follow) return false;
  const int saved = errno;
  const bool found = FindOnPath(file, path);
  errno = saved;
  return found ? HandOnTo(path) : true;
}

bool HandOnToDescriptor(int fd) {
  char path[32];
  char digits[12];
  size_t count = 0;
  if (fd < 0) return false;
  for (unsigned n = static_cast<unsigned>(fd); count == 0 || n; n /= 10)
    digits[count++] = static_cast<char>('0' + n % 10);
  char* at = stpcpy(path, "/proc/self/fd/");
  while (count) *at++ = digits[--count];
  *at = 0;
  return HandOnTo(path);
}

template <typename Fn>
void Find(Fn* slot, const char* name) {
  *slot = reinterpret_cast<Fn>(dlsym(RTLD_NEXT, name));
}

}  // namespace

void FindRealFunctions() {
  Find(&g_execve, "execve");
  Find(&g_execvpe, "execvpe");
  Find(&g_fexecve, "fexecve");
  Find(&g_execveat, "execveat");
  Find(&g_spawn, "posix_spawn");
  Find(&g_spawnp, "posix_spawnp");
}

// Another library's constructor may run before ours and execute something.
static void Ready() {
  if (!g_execve) FindRealFunctions();
}

#define SMILEY_CHILD_ENVIRONMENT(name, envp)                      \
  const size_t name##_bytes = ChildEnvironment::StackBytes(envp); \
  const ChildEnvironment name(envp, name##_bytes ? alloca(name##_bytes) : nullptr)

static int Execve(const char* path, Strings argv, Strings envp) {
  Ready();
  if (!HandOnTo(path)) return g_execve(path, argv, envp);
  SMILEY_CHILD_ENVIRONMENT(child, envp);
  return g_execve(path, argv, child.entries());
}

static int Execvpe(const char* file, Strings argv, Strings envp) {
  Ready();
  if (!HandOnToFile(file)) return g_execvpe(file, argv, envp);
  SMILEY_CHILD_ENVIRONMENT(child, envp);
  return g_execvpe(file, argv, child.entries());
}

}  // namespace smiley::tracer

using namespace smiley::tracer;

SMILEY_INTERPOSE int execve(const char* path, char* const argv[], char* const envp[]) noexcept {
  return Execve(path, argv, envp);
}

SMILEY_INTERPOSE int execv(const char* path, char* const argv[]) noexcept { return Execve(path, argv, environ); }

SMILEY_INTERPOSE int execvpe(const char* file, char* const argv[], char* const envp[]) noexcept {
  return Execvpe(file, argv, envp);
}

SMILEY_INTERPOSE int execvp(const char* file, char* const argv[]) noexcept { return Execvpe(file, argv, environ); }

SMILEY_INTERPOSE int fexecve(int fd, char* const argv[], char* const envp[]) noexcept {
  Ready();
  if (!HandOnToDescriptor(fd)) return g_fexecve(fd, argv, envp);
  SMILEY_CHILD_ENVIRONMENT(child, envp);
  return g_fexecve(fd, argv, child.entries());
}

SMILEY_INTERPOSE int execveat(int folder, const char* path, char* const argv[], char* const envp[],
                              int flags) noexcept {
  Ready();
  if (!g_execveat) {
    errno = ENOSYS;
    return -1;
  }
  // A relative path begins at the folder. Its file is not checked and gets the entries.
  if (!g_follow || (!*path && !HandOnToDescriptor(folder)) || (*path == '/' && !HandOnTo(path))) {
    return g_execveat(folder, path, argv, envp, flags);
  }
  SMILEY_CHILD_ENVIRONMENT(child, envp);
  return g_execveat(folder, path, argv, child.entries(), flags);
}

// Collects the words of execl, execlp and execle on the stack. `arguments` is then behind the terminating null.
#define SMILEY_COLLECT(words, first, arguments)                                          \
  va_list arguments;                                                                     \
  size_t words##_count = 1;                                                              \
  va_start(arguments, first);                                                            \
  while (va_arg(arguments, char*)) ++words##_count;                                      \
  va_end(arguments);                                                                     \
  char** const words = static_cast<char**>(alloca((words##_count + 1) * sizeof(char*))); \
  (words)[0] = const_cast<char*>(first);                                                 \
  va_start(arguments, first);                                                            \
  for (size_t at = 1; at <= words##_count; ++at) (words)[at] = va_arg(arguments, char*)

SMILEY_INTERPOSE int execl(const char* path, const char* first, ...) noexcept {
  SMILEY_COLLECT(words, first, arguments);
  va_end(arguments);
  return Execve(path, words, environ);
}

SMILEY_INTERPOSE int execlp(const char* file, const char* first, ...) noexcept {
  SMILEY_COLLECT(words, first, arguments);
  va_end(arguments);
  return Execvpe(file, words, environ);
}

SMILEY_INTERPOSE int execle(const char* path, const char* first, ...) noexcept {
  SMILEY_COLLECT(words, first, arguments);
  Strings envp = va_arg(arguments, char* const*);
  va_end(arguments);
  return Execve(path, words, envp);
}

SMILEY_INTERPOSE int posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                                 const posix_spawnattr_t* attributes, char* const argv[], char* const envp[]) {
  Ready();
  if (!HandOnTo(path)) return g_spawn(pid, path, actions, attributes, argv, envp);
  SMILEY_CHILD_ENVIRONMENT(child, envp);
  return g_spawn(pid, path, actions, attributes, argv, child.entries());
}

SMILEY_INTERPOSE int posix_spawnp(pid_t* pid, const char* file, const posix_spawn_file_actions_t* actions,
                                  const posix_spawnattr_t* attributes, char* const argv[], char* const envp[]) {
  Ready();
  if (!HandOnToFile(file)) return g_spawnp(pid, file, actions, attributes, argv, envp);
  SMILEY_CHILD_ENVIRONMENT(child, envp);
  return g_spawnp(pid, file, actions, attributes, argv, child.entries());
}
