// Thread rule: plain functions; a StatsMaker belongs to one thread at a time.
//
// Keeps statistics of whole threads as derived data (daemon/store/STORE.md). Statistics of an ended run then read no
// chunk of its large threads.
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

// Totals of one thread.
struct ThreadStats {
  std::uint64_t events = 0, lost = 0;
  Spent total;
};
std::string EncodeStats(const ThreadStats& stats, const FunctionBook& book, const StatsTable& table);
// Adds the stored statistics of a thread to a book and a table. False, and nothing is added: the bytes are incomplete
// or of another version, or the thread had other numbers of events and losses then.
bool AddStats(std::string_view bytes, std::uint64_t events, std::uint64_t lost, ThreadStats* stats,
              FunctionBook* book, StatsTable* table);

// Counts the threads of an ended run that have no stored statistics. Small threads are left to the query.
class StatsMaker {
 public:
  StatsMaker(Store& store, std::string run, std::uint64_t least_events)
      : store_(store), run_(std::move(run)), least_events_(least_events) {}
  // Works for about Producer::kStepTime. True: done.
  Result<bool> Step();
  std::uint64_t threads() const { return made_; }  // threads counted

 private:
  Store& store_;
  const std::string run_;
  const std::uint64_t least_events_;
  bool opened_ = false;
  std::vector<ThreadInfo> threads_;  // to count, the next one last
  std::unique_ptr<StatsJob> job_;
  std::optional<RecordingCost> cost_;  // estimated by the first job
  std::uint64_t made_ = 0;
};

}  // namespace smiley::daemon
