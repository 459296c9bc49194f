#include "shm/base/identity.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace smiley::shm {
namespace {

// Reads at most `size` - 1 bytes and appends a NUL. -1: the file cannot be read.
ssize_t ReadSmallFile(const char* path, char* buffer, std::size_t size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  std::size_t have = 0;
  while (have + 1 < size) {
    const ssize_t got = read(fd, buffer + have, size - 1 - have);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  close(fd);
  buffer[have] = 0;
  return static_cast<ssize_t>(have);
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::array<unsigned char, 16> BootId() {
  std::array<unsigned char, 16> id{};
  char text[64];
  if (ReadSmallFile("/proc/sys/kernel/random/boot_id", text, sizeof text) <= 0) return id;
  std::size_t digits = 0;
  for (const char* c = text; *c && digits < 32; ++c) {
    const int value = HexValue(*c);
    if (value < 0) continue;  // the dashes
    id[digits / 2] = static_cast<unsigned char>(id[digits / 2] << 4 | value);
    ++digits;
  }
  return id;
}

std::optional<std::uint64_t> StartTimeOf(pid_t pid) {
  if (pid <= 0) return std::nullopt;
  char path[48];
  std::snprintf(path, sizeof path, "/proc/%ld/stat", static_cast<long>(pid));
  char text[1024];
  if (ReadSmallFile(path, text, sizeof text) <= 0) return std::nullopt;
  // The name in field 2 may hold any character, also parentheses and spaces. So fields are counted from the last ')'.
  const char* at = std::strrchr(text, ')');
  if (!at || at[1] != ' ') return std::nullopt;
  at += 2;
  if (*at == 'Z' || *at == 'X' || *at == 'x') return std::nullopt;
  for (int field = 3; field < 22; ++field) {
    at = std::strchr(at, ' ');
    if (!at) return std::nullopt;
    ++at;
  }
  return std::strtoull(at, nullptr, 10);
}

ProcessIdentity SelfIdentity() {
  ProcessIdentity self;
  self.boot_id = BootId();
  self.pid = static_cast<std::uint32_t>(getpid());
  self.start_time = StartTimeOf(getpid()).value_or(0);
  return self;
}

bool IsAlive(const ProcessIdentity& identity) {
  if (identity.pid == 0 || identity.boot_id != BootId()) return false;
  const auto start = StartTimeOf(static_cast<pid_t>(identity.pid));
  if (!start) return false;
  return identity.start_time == 0 || *start == identity.start_time;
}

}  // namespace smiley::shm
