// Thread rule: plain functions; a StatsMaker belongs to one thread at a time.
//
// Statistics of whole threads kept as derived data (daemon/store/STORE.md): asking for those of a run that has ended
// reads no chunk of its large threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/analysis/call_stats.h"
#include "daemon/store/store.h"

namespace smiley::daemon {

// What was counted of one thread.
struct ThreadStats {
  std::uint64_t events = 0, lost = 0;
  Spent total;
};
std::string EncodeStats(const ThreadStats& stats, const FunctionBook& book, const StatsTable& table);
// Adds what is stored of a thread with so many events and losses to a book and a table. False, and nothing is added:
// the bytes are not whole, of another version, or of when the thread had other numbers.
bool AddStats(std::string_view bytes, std::uint64_t events, std::uint64_t lost, ThreadStats* stats,
              FunctionBook* book, StatsTable* table);

// Counts the threads of one ended run of which nothing is stored yet; small ones are left to whoever asks.
class StatsMaker {
 public:
  StatsMaker(Store& store, std::string run, std::uint64_t least_events)
      : store_(store), run_(std::move(run)), least_events_(least_events) {}
  // Works for about Producer::kStepTime; true: done.
  Result<bool> Step();
  std::uint64_t threads() const { return made_; }  // counted

 private:
  Store& store_;
  const std::string run_;
  const std::uint64_t least_events_;
  bool opened_ = false;
  std::vector<ThreadInfo> threads_;  // to do, the next one last
  std::unique_ptr<StatsJob> job_;
  std::optional<RecordingCost> cost_;  // as the first one estimated it
  std::uint64_t made_ = 0;
};

}  // namespace smiley::daemon
