// Thread rule: plain values; functions are safe from any thread; no function leaves a descriptor open.
//
// The identity of a process: boot id, pid and start time. A pid alone is never an identity.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>

namespace smiley::shm {

struct ProcessIdentity {
  std::array<unsigned char, 16> boot_id{};
  std::uint32_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot, field 22 of /proc/PID/stat

  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

// The caller's own identity. Fields are zero where /proc is not readable.
ProcessIdentity SelfIdentity();
std::array<unsigned char, 16> BootId();
// The start time of `pid`. nullopt: there is no such process, or it is a zombie.
std::optional<std::uint64_t> StartTimeOf(pid_t pid);
// True while that process exists and is not a zombie. False for another process with the same pid.
bool IsAlive(const ProcessIdentity& identity);

}  // namespace smiley::shm
