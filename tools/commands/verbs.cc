#include "tools/commands/verbs.h"

#include <algorithm>
#include <numeric>

namespace smiley::tools {

const std::vector<Verb>& Verbs() {
  static const std::vector<Verb> verbs = {
#define SMILEY_VERB(name, main, summary) {name, main, summary},
#include "tools/commands/verbs.def"
#undef SMILEY_VERB
  };
  return verbs;
}

const Verb* FindVerb(std::string_view name) {
  for (const Verb& verb : Verbs()) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

namespace {

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view NearestVerb(std::string_view name) {
  std::string_view best;
  std::size_t best_distance = 3;  // more than two edits are no typing error
  if (name.size() > 64) return best;
  for (const Verb& verb : Verbs()) {
    const bool begins = name.size() >= 2 && verb.name.substr(0, name.size()) == name;
    const std::size_t distance = begins ? 0 : EditDistance(name, verb.name);
    if (distance < best_distance && distance < std::max(name.size(), std::size_t{2})) {
      best = verb.name;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace smiley::tools
