#include "daemon/analysis/diff_align.h"

#include <algorithm>
#include <unordered_map>

namespace smiley::daemon {
namespace {

constexpr std::size_t kMostCells = 1u << 20;  // most cells of the table for short stretches
constexpr std::size_t kMostEdits = 1000;      // most edits in long stretches where nothing is unique

using Hashes = std::vector<std::uint64_t>;
using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;

struct Range {
  std::size_t a, a_end, b, b_end;
};

// Aligns a short stretch by its longest common subsequence.
void Common(const Hashes& a, const Hashes& b, const Range& range, Pairs* pairs) {
  const std::size_t rows = range.a_end - range.a, columns = range.b_end - range.b;
  std::vector<std::uint32_t> table((rows + 1) * (columns + 1));
  const auto at = [&](std::size_t i, std::size_t j) -> std::uint32_t& { return table[i * (columns + 1) + j]; };
  for (std::size_t i = rows; i-- > 0;) {
    for (std::size_t j = columns; j-- > 0;) {
      at(i, j) = a[range.a + i] == b[range.b + j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
    }
  }
  for (std::size_t i = 0, j = 0; i < rows && j < columns;) {
    if (a[range.a + i] == b[range.b + j]) {
      pairs->emplace_back(range.a + i++, range.b + j++);
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      ++i;
    } else {
      ++j;
    }
  }
}

// Aligns a long stretch by the fewest edits (Myers), up to kMostEdits.
void FewEdits(const Hashes& a, const Hashes& b, const Range& range, Pairs* pairs) {
  const auto rows = static_cast<std::ptrdiff_t>(range.a_end - range.a);
  const auto columns = static_cast<std::ptrdiff_t>(range.b_end - range.b);
  const auto most = static_cast<std::ptrdiff_t>(kMostEdits);
  // reached[d][k + d]: the furthest index in a after d edits on the diagonal k = index in a - index in b.
  std::vector<std::vector<std::int32_t>> reached;
  const auto from = [&](std::ptrdiff_t d, std::ptrdiff_t k, bool* down) -> std::ptrdiff_t {
    const auto& before = reached[static_cast<std::size_t>(d - 1)];
    const auto at = [&](std::ptrdiff_t diagonal) -> std::ptrdiff_t {
      return diagonal < -(d - 1) || diagonal > d - 1 ? -1 : before[static_cast<std::size_t>(diagonal + d - 1)];
    };
    *down = k == -d || (k != d && at(k - 1) < at(k + 1));  // inserts one of b
    if (*down) return at(k + 1);
    return k == -d || at(k - 1) < 0 ? -1 : at(k - 1) + 1;
  };
  for (std::ptrdiff_t d = 0; d <= most; ++d) {
    std::vector<std::int32_t> row(static_cast<std::size_t>(2 * d + 1), -1);
    for (std::ptrdiff_t k = -d; k <= d; k += 2) {
      bool down = false;
      std::ptrdiff_t x = d == 0 ? 0 : from(d, k, &down);
      while (x >= 0 && x < rows && x - k >= 0 && x - k < columns &&
             a[range.a + static_cast<std::size_t>(x)] == b[range.b + static_cast<std::size_t>(x - k)]) {
        ++x;
      }
      if (x > rows || x - k > columns || x - k < 0) x = -1;  // outside the table
      row[static_cast<std::size_t>(k + d)] = static_cast<std::int32_t>(x);
      if (x != rows || x - k != columns) continue;
      // Walks the path back; steps on diagonals are equal pairs.
      reached.push_back(std::move(row));
      for (std::ptrdiff_t edits = d, diagonal = k, to = x; edits >= 0; --edits) {
        const std::ptrdiff_t begin = edits == 0 ? 0 : from(edits, diagonal, &down);
        while (to > begin) {
          --to;
          pairs->emplace_back(range.a + static_cast<std::size_t>(to),
                              range.b + static_cast<std::size_t>(to - diagonal));
        }
        if (edits == 0) break;
        diagonal += down ? 1 : -1;
        to = down ? begin : begin - 1;
      }
      return;
    }
    reached.push_back(std::move(row));
  }
}

// Finds anchors: hashes that occur exactly once on each side, in the longest sequence that rises on both.
Pairs Anchors(const Hashes& a, const Hashes& b, const Range& range) {
  struct Seen {
    std::size_t in_a = 0, in_b = 0, a = 0, b = 0;
  };
  std::unordered_map<std::uint64_t, Seen> seen;
  for (std::size_t i = range.a; i < range.a_end; ++i) {
    Seen& one = seen[a[i]];
    ++one.in_a;
    one.a = i;
  }
  for (std::size_t i = range.b; i < range.b_end; ++i) {
    const auto at = seen.find(b[i]);
    if (at == seen.end()) continue;
    ++at->second.in_b;
    at->second.b = i;
  }
  Pairs unique;
  for (const auto& [hash, one] : seen) {
    if (one.in_a == 1 && one.in_b == 1) unique.emplace_back(one.a, one.b);
  }
  std::sort(unique.begin(), unique.end());
  std::vector<std::size_t> ends, before(unique.size(), SIZE_MAX);  // patience: the last card of each pile
  for (std::size_t i = 0; i < unique.size(); ++i) {
    const auto pile =
        std::lower_bound(ends.begin(), ends.end(), unique[i].second,
                         [&](std::size_t card, std::size_t value) { return unique[card].second < value; });
    if (pile != ends.begin()) before[i] = *(pile - 1);
    if (pile == ends.end()) {
      ends.push_back(i);
    } else {
      *pile = i;
    }
  }
  Pairs rising;
  for (std::size_t i = ends.empty() ? SIZE_MAX : ends.back(); i != SIZE_MAX; i = before[i])
    rising.push_back(unique[i]);
  std::reverse(rising.begin(), rising.end());
  return rising;
}

}  // namespace

Pairs Align(const Hashes& a, const Hashes& b) {
  Pairs pairs;
  std::vector<Range> todo{{0, a.size(), 0, b.size()}};
  while (!todo.empty()) {
    Range range = todo.back();
    todo.pop_back();
    while (range.a < range.a_end && range.b < range.b_end && a[range.a] == b[range.b]) {
      pairs.emplace_back(range.a++, range.b++);
    }
    while (range.a < range.a_end && range.b < range.b_end && a[range.a_end - 1] == b[range.b_end - 1]) {
      pairs.emplace_back(--range.a_end, --range.b_end);
    }
    const std::size_t rows = range.a_end - range.a, columns = range.b_end - range.b;
    if (rows == 0 || columns == 0) continue;
    if ((rows + 1) * (columns + 1) <= kMostCells) {
      Common(a, b, range, &pairs);
      continue;
    }
    const Pairs anchors = Anchors(a, b, range);
    if (anchors.empty()) {
      FewEdits(a, b, range, &pairs);
      continue;
    }
    for (const auto& [in_a, in_b] : anchors) {
      pairs.emplace_back(in_a, in_b);
      todo.push_back({range.a, in_a, range.b, in_b});
      range.a = in_a + 1;
      range.b = in_b + 1;
    }
    todo.push_back(range);
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

}  // namespace smiley::daemon
