// Searches all states of the ring's model for each policy. Then checks for each planted mistake that the search finds
// it.
#include <cstdio>
#include <cstring>
#include <functional>
#include <unordered_set>

#include "tests/model/ring_model.h"

namespace {

using namespace smiley::model;

struct Found {
  std::size_t states = 0;
  bool ended = false;  // the producer's last event was reached
  std::string wrong;
};

constexpr std::size_t kMostStates = 20'000'000;

// A state is represented by two independent hashes of 64 bits.
struct Fingerprint {
  std::size_t a, b;
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};
struct FingerprintHash {
  std::size_t operator()(const Fingerprint& f) const { return f.a; }
};
Fingerprint Of(const std::string& key) {
  std::size_t fnv = 14695981039346656037u;
  for (const char c : key) fnv = (fnv ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return {std::hash<std::string>()(key), fnv};
}

Found Search(Policy policy, Bug bug, int events) {
  const RingModel model(policy, bug, events);
  Found found;
  std::unordered_set<Fingerprint, FingerprintHash> seen;
  std::vector<State> open(1);
  while (!open.empty()) {
    const State state = std::move(open.back());
    open.pop_back();
    if (!seen.insert(Of(state.Key())).second) continue;
    ++found.states;
    found.wrong = state.wrong.empty() ? model.AfterDeath(state) : state.wrong;
    if (!found.wrong.empty()) return found;
    if (found.states > kMostStates) {
      found.wrong = "too many states to search";
      return found;
    }
    found.ended |= model.Ended(state);
    for (State& next : model.Next(state)) open.push_back(std::move(next));
  }
  return found;
}

struct Planted {
  Bug bug;
  Policy policy;
  const char* name;
};

}  // namespace

int main() {
  int failed = 0, ran = 0;
  const auto say = [&](const char* what, const Found& found, bool good) {
    ++ran;
    if (!good) ++failed;
    std::printf("%s %-52s %8zu states%s%s\n", good ? "ok  " : "FAIL", what, found.states,
                found.wrong.empty() ? "" : ": ", found.wrong.c_str());
    std::fflush(stdout);
  };
  const struct {
    Policy policy;
    int events;
    const char* name;
  } policies[] = {{Policy::kBlock, 7, "block"}, {Policy::kDrop, 7, "drop"}, {Policy::kOverwrite, 7, "overwrite"}};
  for (const auto& one : policies) {
    const Found found = Search(one.policy, Bug::kNone, one.events);
    say(one.name, found, found.wrong.empty() && found.ended);
  }
  const Planted planted[] = {
      {Bug::kPublishRelaxed, Policy::kBlock, "planted: published with a relaxed store"},
      {Bug::kPublishFirst, Policy::kBlock, "planted: published before it is written"},
      {Bug::kReadRelaxed, Policy::kBlock, "planted: the position is read relaxed"},
      {Bug::kOneBlockTooMany, Policy::kBlock, "planted: one block too many counts as free"},
      {Bug::kFreeBeforeCommit, Policy::kBlock, "planted: freed before it is stored"},
      {Bug::kCursorBeforeCommit, Policy::kBlock, "planted: the cursor is stored before the piece"},
      {Bug::kCursorForgotten, Policy::kBlock, "planted: the piece is stored without the cursor"},
      {Bug::kLossClearedFirst, Policy::kDrop, "planted: the loss is cleared before it is published"},
      {Bug::kLossCountStale, Policy::kDrop, "planted: only the first of several losses is counted"},
      {Bug::kIntentLate, Policy::kOverwrite, "planted: the intent comes after the first word"},
      {Bug::kIntentUnfenced, Policy::kOverwrite, "planted: no fence after the intent"},
      {Bug::kNoSecondLook, Policy::kOverwrite, "planted: no second look at the intent"},
      {Bug::kSecondLookUnfenced, Policy::kOverwrite, "planted: no fence before the second look"},
  };
  for (const Planted& one : planted) {
    const Found found = Search(one.policy, one.bug, 7);
    say(one.name, found, !found.wrong.empty() && found.states <= kMostStates);
  }
  std::printf("Ran %d tests in 0.000s\n\n%s\n", ran, failed == 0 ? "OK" : "FAILED");
  if (failed != 0) std::printf("%d searches ended otherwise than they must\n", failed);
  return failed == 0 ? 0 : 1;
}
