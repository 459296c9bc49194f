// Thread rule: plain values; functions are safe from any thread; none allocates descriptors that stay open.
//
// Who a process is: (boot id, pid, start time). A pid alone is never an identity.
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

// The caller's own identity; {} fields where /proc is not readable.
ProcessIdentity SelfIdentity();
std::array<unsigned char, 16> BootId();
// Start time of `pid`, nullopt when there is no such process (zombies count as none).
std::optional<std::uint64_t> StartTimeOf(pid_t pid);
// True while that very process exists and is not a zombie.
bool IsAlive(const ProcessIdentity& identity);

}  // namespace smiley::shm
