// Thread rule: functions are safe from any thread.
//
// Amounts as people type them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace smiley::tools {

// "20G", "1.5 GB", "500M", "64KiB", "1000": bytes. Powers of 1,000 as they are shown, of 1,024 with an i.
std::optional<std::uint64_t> ParseBytes(std::string_view text);
// "7d", "2w", "12h", "30m", "45s": nanoseconds. A unit is needed.
std::optional<std::int64_t> ParseAge(std::string_view text);

}  // namespace smiley::tools
