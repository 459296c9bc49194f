// Thread rule: functions are safe from any thread.
//
// Creates run ids, and decides which texts are run ids. An id becomes part of segment names, of store keys and of
// file names. So every function that takes an id from outside checks it with IsRunId.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smiley::shm {

inline constexpr std::size_t kMaxRunIdBytes = 15;  // SegmentHeader::run holds it with a NUL

// True for 1 to 15 characters of a-z and 0-9 that begin with a letter.
bool IsRunId(std::string_view text);

// A new random id of 8 characters. Empty: the system has no random bytes.
std::string NewRunId();

}  // namespace smiley::shm
