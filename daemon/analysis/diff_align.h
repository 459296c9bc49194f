// Thread rule: functions are safe from any thread.
//
// Aligning two sequences of hashes: what is unique in both anchors the rest (as in patience diff); short stretches
// between anchors are aligned by their longest common subsequence, long ones without anchors by at most 1,000 edits.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace smiley::daemon {

// Pairs of equal places in both, rising in each. Not necessarily as many as possible. Memory is bounded by 4 MiB
// beyond the sequences; time is about n log n, at worst a thousand times n.
std::vector<std::pair<std::size_t, std::size_t>> Align(const std::vector<std::uint64_t>& a,
                                                       const std::vector<std::uint64_t>& b);

}  // namespace smiley::daemon
