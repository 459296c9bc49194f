// Thread rule: functions only; any thread.
//
// Aligns two sequences of hashes. Hashes that are unique in both are anchors, as in patience diff. Short stretches
// between anchors are aligned by their longest common subsequence, long stretches by at most 1,000 edits.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace smiley::daemon {

// Returns pairs of indexes with equal hashes, rising in both. There may be more pairs than it finds. Memory is
// bounded by 4 MiB beyond the sequences; time is about n log n, at worst a thousand times n.
std::vector<std::pair<std::size_t, std::size_t>> Align(const std::vector<std::uint64_t>& a,
                                                       const std::vector<std::uint64_t>& b);

}  // namespace smiley::daemon
