#include "daemon/analysis/call_stats.h"

#include <algorithm>
#include <chrono>

#include "daemon/analysis/stored_stats.h"
#include "daemon/events/snapshot.h"
#include "daemon/protocol/producer.h"
#include "shm/base/requires.h"

namespace smiley::daemon {

CallCounts& StatsTable::Function(std::uint32_t function) {
  if (function >= functions_.size()) {
    functions_.resize(std::max<std::size_t>(function + 1, functions_.size() * 2));
    last_edge_.resize(functions_.size(), UINT32_MAX);
  }
  return functions_[function];
}

std::uint32_t StatsTable::EdgeOf(std::uint32_t caller, std::uint32_t function) {
  Function(function);
  std::uint32_t& last = last_edge_[function];
  if (last != UINT32_MAX && edges_[last].caller == caller) return last;
  const std::uint64_t key = std::uint64_t{caller} << 32 | function;
  const auto [at, added] = edge_numbers_.emplace(key, static_cast<std::uint32_t>(edges_.size()));
  if (added) edges_.push_back({caller, function, {}});
  return last = at->second;
}

std::uint32_t& CallCounter::LevelOf(std::vector<std::uint32_t>* levels, std::uint32_t number) {
  if (number >= levels->size()) levels->resize(std::max<std::size_t>(number + 1, levels->size() * 2));
  return (*levels)[number];
}

void CallCounter::Enter(std::uint32_t function, std::int64_t, bool counted) {
  const std::uint32_t edge = table_->EdgeOf(stack_.empty() ? StatsTable::kNobody : stack_.back().function, function);
  const bool first = LevelOf(&open_functions_, function)++ == 0;
  const bool first_so = LevelOf(&open_edges_, edge)++ == 0;
  if (counted) {
    CallCounts& counts = table_->Function(function);
    CallCounts& so = table_->EdgeAt(edge);
    ++counts.calls;
    ++so.calls;
    if (first) ++counts.primitive;
    if (first_so) ++so.primitive;
  }
  stack_.push_back({function, edge, clock_, 0});
}

void CallCounter::Leave(std::int64_t, bool) {
  const Open open = stack_.back();
  stack_.pop_back();
  const Spent inside = clock_ - open.at_entry;
  table_->Function(open.function).own_squares += static_cast<double>(open.own_ns) * static_cast<double>(open.own_ns);
  if (--open_functions_[open.function] == 0) table_->Function(open.function).cumulative += inside;
  if (--open_edges_[open.edge] == 0) table_->EdgeAt(open.edge).cumulative += inside;
}

void CallCounter::Spend(const Spent& spent) {
  SMILEY_REQUIRES(!stack_.empty());
  clock_ += spent;
  stack_.back().own_ns += spent.ns;
  table_->Function(stack_.back().function).own += spent;
  table_->EdgeAt(stack_.back().edge).own += spent;
}

Status CallJob::Open() {
  auto threads = archive_.Threads(scope_.run);
  if (!threads) return threads.status();
  all_threads_ = *threads;
  threads_ = std::move(*threads);
  if (scope_.thread) {
    std::erase_if(threads_, [&](const ThreadInfo& thread) { return thread.thread != *scope_.thread; });
    if (threads_.empty()) {
      return Status(Code::kNotFound, "run " + scope_.run + " has no thread " + std::to_string(*scope_.thread) +
                                         " (smiley-threads shows them)");
    }
  }
  if (scope_.task != 0) {
    std::erase_if(threads_, [&](const ThreadInfo& thread) { return thread.process != scope_.process; });
  }
  return Status::Ok();
}

// Estimates from all threads: the cost of an event does not depend on the scope.
Status CallJob::Estimate() {
  if (estimated_) return Status::Ok();
  auto cost = RecordingCost::Estimate(archive_, scope_.run, all_threads_);
  if (!cost) return cost.status();
  cost_ = *cost;
  estimated_ = true;
  return Status::Ok();
}

Result<bool> CallJob::Step() {
  const auto end = std::chrono::steady_clock::now() + Producer::kStepTime;
  while (at_ < threads_.size()) {
    const ThreadInfo& thread = threads_[at_];
    if (clock_ == nullptr) {
      Spent spent;
      std::uint64_t events = 0, lost = 0;
      auto known = LoadCounted(thread, &spent, &events, &lost);
      if (!known) return known.status();
      if (*known) {
        events_ += events;
        lost_ += lost;
        total_ += spent;
        ++known_;
        ++at_;
        continue;
      }
      if (Status status = Estimate(); !status) return status;
      sink_ = SinkFor(thread);
      clock_ = std::make_unique<CallClock>(archive_, scope_.run, thread, cost_, &book_, sink_.get(), scope_.task,
                                           scope_.span);
    }
    auto more = clock_->Step();
    if (!more) return more.status();
    if (!*more) {
      events_ += clock_->events();
      lost_ += clock_->lost();
      total_ += clock_->total();
      if (!clock_->status()) damaged_ = true;
      clock_.reset();
      EndThread(thread);  // may still use the sink
      sink_.reset();
      ++at_;
    }
    if (std::chrono::steady_clock::now() >= end) return at_ < threads_.size();
  }
  return false;
}

Result<bool> StatsJob::LoadCounted(const ThreadInfo& thread, Spent* spent, std::uint64_t* events,
                                   std::uint64_t* lost) {
  if (from_ == From::kChunks || scope_.task != 0 || scope_.span.bounded()) return false;
  const std::string key = StatsKey(thread.thread);
  auto stored = archive_.LastDerived(scope_.run, key, key + '\0');
  if (!stored) return stored.status();
  ThreadStats stats;
  if (!*stored || !AddStats((*stored)->second, thread.events, thread.lost, &stats, &book_, &table_)) return false;
  *spent = stats.total;
  *events = stats.events;
  *lost = stats.lost;
  return true;
}

}  // namespace smiley::daemon
