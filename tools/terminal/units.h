// Thread rule: functions are safe from any thread.
//
// Parses sizes and ages as people type them. nullopt: not a size or age.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace smiley::tools {

// Bytes of "20G", "1.5 GB", "500M", "64KiB", "1000". Units are powers of 1,000; those with an i, of 1,024.
std::optional<std::uint64_t> ParseBytes(std::string_view text);
// Nanoseconds of "7d", "2w", "12h", "30m", "45s". The unit is mandatory.
std::optional<std::int64_t> ParseAge(std::string_view text);

}  // namespace smiley::tools
