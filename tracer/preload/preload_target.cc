#include "tracer/preload/preload_target.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace smiley::tracer {
namespace {

constexpr int kMaxScripts = 5;  // the kernel's limit of scripts whose interpreter is a script

#if defined(__x86_64__)
constexpr unsigned kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr unsigned kMachine = EM_RISCV;
#elif defined(__powerpc64__)
constexpr unsigned kMachine = EM_PPC64;
#elif defined(__i386__)
constexpr unsigned kMachine = EM_386;
#else
#error "name this architecture's ELF machine"
#endif

// Returns the path in "#! /path/of/interpreter args", which ends in place; null: there is none.
const char* ScriptInterpreter(char* text, size_t size) {
  char* const end = text + size;
  char* at = text + 2;
  while (at < end && (*at == ' ' || *at == '\t')) ++at;
  char* const begin = at;
  while (at < end && *at != ' ' && *at != '\t' && *at != '\n' && *at) ++at;
  if (at == end || at == begin) return nullptr;
  *at = 0;
  return begin;
}

bool CheckElf(int fd, const char* head, size_t size, const char** why) {
  ElfW(Ehdr) header;
  if (size < sizeof header) return false;
  memcpy(&header, head, sizeof header);
  const unsigned own_class = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
  if (header.e_ident[EI_CLASS] != own_class || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != kMachine) {
    *why = "a program of another architecture";
    return false;
  }
  for (unsigned i = 0; i < header.e_phnum && i < 64; ++i) {
    ElfW(Phdr) part;
    if (pread(fd, &part, sizeof part, static_cast<off_t>(header.e_phoff + i * sizeof part)) != sizeof part)
      return false;
    if (part.p_type != PT_INTERP) continue;
    char loader[128] = "";
    const size_t length = part.p_filesz < sizeof loader - 1 ? part.p_filesz : sizeof loader - 1;
    if (pread(fd, loader, length, static_cast<off_t>(part.p_offset)) != static_cast<ssize_t>(length)) return false;
    // Another C library's loader would refuse to start a program whose preload needs ours.
    const char* const name = strrchr(loader, '/');
    if (name && (!strncmp(name, "/ld-linux", 9) || !strncmp(name, "/ld64.so", 8))) return true;
    *why = "a program of another C library";
    return false;
  }
  *why = "a static program";  // it ignores both entries and passes them on
  return true;
}

}  // namespace

bool CanCarry(const char* path, const char** why) {
  *why = nullptr;
  char head[512];
  char interpreter[sizeof head];
  for (int depth = 0; depth < kMaxScripts; ++depth) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    // The program cannot be read. The loader runs an unreadable program in secure mode, so it ignores the preload.
    if (fd < 0) return true;
    struct stat status;
    const bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    const ssize_t got = regular ? pread(fd, head, sizeof head - 1, 0) : 0;
    if (got >= 4 && !memcmp(head, ELFMAG, SELFMAG)) {
      const bool fits = CheckElf(fd, head, static_cast<size_t>(got), why);
      close(fd);
      if (fits && !*why &&
          (((status.st_mode & S_ISUID) && status.st_uid != geteuid()) ||
           ((status.st_mode & S_ISGID) && status.st_gid != getegid()))) {
        *why = "a setuid program";
      }
      return fits;
    }
    close(fd);
    if (got < 3 || head[0] != '#' || head[1] != '!') return true;  // exec will fail, or the shell will read it
    head[got] = 0;
    const char* const next = ScriptInterpreter(head, static_cast<size_t>(got));
    if (!next) return true;
    strcpy(interpreter, next);
    path = interpreter;
  }
  return true;
}

}  // namespace smiley::tracer
