#include "tracer/preload/preload.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

namespace smiley::tracer {

Handoff* g_handoff = nullptr;
bool g_follow = false;

namespace {

constexpr off_t kMaxNotesBytes = 64 * 1024;

uint64_t NewToken() {
  uint64_t token = 0;
  if (getrandom(&token, sizeof token, GRND_NONBLOCK) != sizeof token) {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    token = (static_cast<uint64_t>(now.tv_nsec) << 34 ^ static_cast<uint64_t>(now.tv_sec)) * 0x9e3779b97f4a7c15u ^
            static_cast<uint64_t>(getpid());
  }
  return token ? token : 1;
}

// True in smiley's own program. A smiley-run or daemon inside a recorded program starts runs of its own.
bool IsSmileyItself(const Handoff& handoff) {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0) return false;
  path[length] = 0;
  return !strcmp(path, handoff.config.smiley);
}

// glibc passes main's arguments to constructors.
__attribute__((constructor)) void TakeOver(int argc, char** argv, char** envp) {
  FindRealFunctions();
  const TakenEntries taken = TakeEntries(envp);
  if (!taken.run_entry) return;
  uint64_t own_start = 0;
  const uint64_t token = NewToken();
  Handoff* const handoff = DecodeHandoff(taken.run_entry, argc, argv, token);
  EraseEntries(taken, envp, &own_start);
  if (!handoff) return;
  const bool python = IsPython();
  if (!python && IsSmileyItself(*handoff)) return;
  g_handoff = handoff;
  g_follow = handoff->config.follow != 0;
  // A parent is a recorded process. So a process that is not recorded, such as a shell, passes its entry on
  // unchanged.
  if (python && WatchPython(handoff)) {
    WriteHead(handoff->child_entry, token, static_cast<uint32_t>(getpid()), own_start);
  }
}

}  // namespace

void NoteUnrecordable(const char* what, const char* why) {
  if (!g_handoff) return;
  char path[PATH_MAX];
  const char* const parts[] = {g_handoff->config.home, "/spool/", g_handoff->config.run, ".notes"};
  size_t length = 0;
  for (const char* part : parts) {
    const size_t size = strlen(part);
    if (length + size >= sizeof path) return;
    memcpy(path + length, part, size);
    length += size;
  }
  path[length] = 0;
  const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  struct stat status;
  char line[1024];
  size_t size = 0;
  const char* const words[] = {what, ": ", why, "\n"};
  for (const char* word : words) {
    for (; *word && size < sizeof line - 1; ++word) line[size++] = *word == '\n' && word[1] ? ' ' : *word;
  }
  if (size) line[size - 1] = '\n';
  if (fstat(fd, &status) == 0 && status.st_size < kMaxNotesBytes) {
    const ssize_t written = write(fd, line, size);
    (void)written;  // a failed note must not disturb the program
  }
  close(fd);
}

}  // namespace smiley::tracer
