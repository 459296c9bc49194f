#include "tools/run/capture_sorter.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace smiley::tools {

namespace {

constexpr int kMostStuck = 1000;  // reads of a ticket; after these its writer is taken for dead

}  // namespace

void CaptureSorter::Add(std::string_view bytes) {
  added_ = begin_ + pending_.size();
  pending_ += bytes;
}

void CaptureSorter::Refresh() {
  using Found = shm::Ledger::Found;
  for (auto at = expected_.begin(); at != expected_.end();) {
    shm::Ledger::Write now;
    // When the entry was reused, the write keeps the values that were read before.
    if (!at->write.settled && ledger_->Read(at->write.ticket, &now) == Found::kWrite) at->write = now;
    at = at->write.length == 0 ? expected_.erase(at) : at + 1;
  }
  const std::uint64_t end = ledger_->next();
  if (end > shm::kLedgerEntries && next_ < end - shm::kLedgerEntries) next_ = end - shm::kLedgerEntries;
  while (next_ < end) {
    Expected fresh;
    fresh.from = added_;
    const Found found = ledger_->Read(next_, &fresh.write);
    if (found == Found::kNotYet && ++stuck_ < kMostStuck) return;
    stuck_ = 0;
    ++next_;
    if (found == Found::kWrite && fresh.write.stream == stream_ && fresh.write.length > 0) expected_.push_back(fresh);
  }
}

std::size_t CaptureSorter::Find(const Expected& expected) const {
  const shm::Ledger::Write& write = expected.write;
  const std::size_t shown = std::min<std::size_t>(write.length, sizeof write.prefix);
  char prefix[sizeof write.prefix];
  std::memcpy(prefix, &write.prefix, sizeof prefix);
  const std::string_view wanted(prefix, shown), all(pending_);
  const std::size_t from = expected.from > begin_ ? expected.from - begin_ : 0;
  for (std::size_t at = from; at + write.length <= all.size(); ++at) {
    at = all.find(wanted, at);
    if (at == std::string_view::npos || at + write.length > all.size()) break;
    if (shm::Ledger::HashOf(all.substr(at, write.length)) == write.hash) return at;
  }
  return std::string::npos;
}

void CaptureSorter::Drop(std::size_t bytes) {
  pending_.erase(0, bytes);
  begin_ += bytes;
}

std::string CaptureSorter::Take(bool quiet) {
  std::string out;
  Refresh();
  while (!expected_.empty() && !pending_.empty()) {
    std::size_t first = std::string::npos, which = 0;
    std::vector<std::uint32_t> looked_at;
    for (std::size_t i = 0; i < std::min(expected_.size(), kMostLookedAt) && first != 0; ++i) {
      const std::uint32_t pid = expected_[i].write.pid;
      if (std::find(looked_at.begin(), looked_at.end(), pid) != looked_at.end()) continue;
      looked_at.push_back(pid);
      const std::size_t at = Find(expected_[i]);
      if (at >= first) continue;
      first = at;
      which = i;
    }
    if (first == std::string::npos) break;
    out.append(pending_, 0, first);
    Drop(first + expected_[which].write.length);
    expected_.erase(expected_.begin() + static_cast<std::ptrdiff_t>(which));
  }
  std::size_t most = kMostPending;
  for (const Expected& one : expected_)
    most = std::max(most, std::min(one.write.length, kLongestWrite) + kMostPending);
  const bool give_up = quiet || pending_.size() > most;
  if (!expected_.empty() && !give_up) return out;
  out += pending_;
  Drop(pending_.size());
  if (give_up) {
    std::erase_if(expected_, [](Expected& one) { return one.write.settled || ++one.quiet >= kPatience; });
  }
  return out;
}

}  // namespace smiley::tools
