// Restores the environment that the process would have without smiley, in the array and in /proc/self/environ.
#include <fcntl.h>
#include <linux/prctl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracer/preload/preload.h"

namespace smiley::tracer {
namespace {

bool StartsWith(const char* text, const char* prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

// The numbers in /proc/self/stat. field[n] is field n of proc(5).
struct StatFields {
  uint64_t field[53] = {};
  bool ok = false;
};

StatFields ReadStat() {
  StatFields stat;
  char text[2048];
  const int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return stat;
  const ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  if (got <= 0) return stat;
  text[got] = 0;
  const char* at = strrchr(text, ')');  // the name of the command may contain anything
  if (!at) return stat;
  int field = 3;
  for (at += 2; *at && field < 53; ++field) {
    uint64_t value = 0;
    if (*at == '-') ++at;
    for (; *at && *at != ' '; ++at) value = value * 10 + static_cast<uint64_t>(*at - '0');
    stat.field[field] = value;
    if (*at) ++at;
  }
  stat.ok = field > 51;
  return stat;
}

// Moves the end of the area that /proc/self/environ shows. PR_SET_MM_MAP needs no privilege, but not every kernel has
// it; PR_SET_MM_ENV_END needs CAP_SYS_RESOURCE.
bool MoveEnvEnd(const StatFields& stat, uint64_t end) {
  prctl_mm_map map = {};
  map.start_code = stat.field[26];
  map.end_code = stat.field[27];
  map.start_stack = stat.field[28];
  map.start_data = stat.field[45];
  map.end_data = stat.field[46];
  map.start_brk = stat.field[47];
  map.brk = static_cast<uint64_t>(syscall(SYS_brk, 0));
  map.arg_start = stat.field[48];
  map.arg_end = stat.field[49];
  map.env_start = stat.field[50];
  map.env_end = end;
  map.exe_fd = static_cast<uint32_t>(-1);
  if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) == 0) return true;
  return prctl(PR_SET_MM, PR_SET_MM_ENV_END, end, 0, 0) == 0;
}

}  // namespace

TakenEntries TakeEntries(char** envp) {
  TakenEntries taken;
  if (!envp) return taken;
  char* last_preload = nullptr;
  for (char** entry = envp; *entry; ++entry) {
    if (StartsWith(*entry, kRunEntry)) taken.run_entry = *entry;
    if (StartsWith(*entry, kPreloadEntry)) last_preload = *entry;
  }
  if (taken.run_entry) taken.preload_entry = last_preload;
  return taken;
}

void EraseEntries(const TakenEntries& taken, char** envp, uint64_t* own_start) {
  // A parent that keeps one value for each name (Go, static shells) has lost the user's own LD_PRELOAD entry. The
  // value of that entry still follows ours.
  char* restored = nullptr;
  if (taken.preload_entry) {
    bool other = false;
    for (char** entry = envp; *entry; ++entry) {
      other |= *entry != taken.preload_entry && StartsWith(*entry, kPreloadEntry);
    }
    const char* const users = strchr(taken.preload_entry, ':');
    if (!other && users && users[1]) {
      const size_t size = strlen(users + 1);
      void* const copy =
          mmap(nullptr, size + sizeof kPreloadEntry, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (copy != MAP_FAILED) {
        restored = static_cast<char*>(copy);
        memcpy(restored, kPreloadEntry, sizeof kPreloadEntry - 1);
        memcpy(restored + sizeof kPreloadEntry - 1, users + 1, size + 1);
      }
    }
  }
  char** to = envp;
  char** from = envp;
  for (; *from; ++from) {
    if (*from == taken.preload_entry && restored) {
      *to++ = restored;
    } else if (*from != taken.preload_entry && !StartsWith(*from, kRunEntry)) {
      *to++ = *from;
    }
  }
  while (to < from) *to++ = nullptr;

  const StatFields stat = ReadStat();
  *own_start = stat.field[22];
  char* const run_end = taken.run_entry + strlen(taken.run_entry) + 1;
  char* begin = taken.run_entry;
  if (taken.preload_entry && taken.preload_entry + strlen(taken.preload_entry) + 1 == taken.run_entry) {
    begin = taken.preload_entry;
  }
  const bool at_end = stat.ok && reinterpret_cast<uint64_t>(run_end) == stat.field[51];
  if (taken.preload_entry && !restored) memset(taken.preload_entry, 0, strlen(taken.preload_entry));
  memset(taken.run_entry, 0, strlen(taken.run_entry));
  if (at_end) MoveEnvEnd(stat, reinterpret_cast<uint64_t>(begin));
}

}  // namespace smiley::tracer
