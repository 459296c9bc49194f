// Thread rule: functions are safe from any thread.
//
// Run ids: how one is made, and the one rule of what may be one. An id becomes part of segment names, of store keys
// and of file names, so every place that takes one from outside asks IsRunId.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smiley::shm {

inline constexpr std::size_t kMaxRunIdBytes = 15;  // SegmentHeader::run holds it with a NUL

// 1 to 15 characters of a-z and 0-9, a letter first.
bool IsRunId(std::string_view text);

// A new random id of 8 characters. Empty when the system gives no random numbers.
std::string NewRunId();

}  // namespace smiley::shm
