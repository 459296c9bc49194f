#include "daemon/analysis/call_clock.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace smiley::daemon {
namespace {

using shm::Kind;

constexpr std::size_t kSampledThreads = 8, kSamplesPerThread = 6;
constexpr std::uint64_t kEventsPerSample = 3000;
constexpr std::size_t kFewestGaps = 50;  // fewer gaps give no estimate
constexpr double kQuickest = 0.1;        // the part of the gaps that the estimate uses
constexpr double kMostNs = 5'000;        // most ns that recording takes without long values
constexpr std::size_t kEventsPerStep = 2048;

}  // namespace

std::size_t CostClass::Classify(const RawEvent& event) {
  std::size_t kind = 3;
  if (EntersFrame(event.kind)) kind = 0;
  if (event.kind == Kind::kLine) kind = 1;
  if (LeavesFrame(event.kind)) kind = 2;
  std::size_t words = 1;
  for (const Attachment& attachment : event.attachments) {
    words += attachment.is_inline ? 1 : 1 + shm::PayloadWords(attachment.bytes.size());
  }
  return kind * kSizes + std::min<std::size_t>(kSizes - 1, static_cast<std::size_t>(std::bit_width(words)) - 1);
}

Result<RecordingCost> RecordingCost::Estimate(Archive& archive, const std::string& run,
                                              const std::vector<ThreadInfo>& threads) {
  RecordingCost cost;
  std::vector<ThreadInfo> largest = threads;
  std::sort(largest.begin(), largest.end(), [](const ThreadInfo& a, const ThreadInfo& b) {
    return a.events != b.events ? a.events > b.events : a.thread < b.thread;
  });
  if (largest.size() > kSampledThreads) largest.resize(kSampledThreads);
  std::array<std::vector<std::int64_t>, CostClass::kCount> gaps;
  for (const ThreadInfo& thread : largest) {
    const std::uint64_t last = thread.events + thread.lost;
    for (std::size_t sample = 0; sample < kSamplesPerThread; ++sample) {
      const std::uint64_t from = last / kSamplesPerThread * sample;
      if (sample > 0 && last < kEventsPerSample * kSamplesPerThread) break;
      auto walk = ThreadWalk::Open(archive, run, thread, from);
      if (!walk) return walk.status();
      const std::uint64_t most = last < kEventsPerSample * kSamplesPerThread ? last : kEventsPerSample;
      std::int64_t before = 0;
      std::size_t its_class = 0;
      for (std::uint64_t i = 0; i < most; ++i) {
        const RawEvent* event = (*walk)->Next();
        if (event == nullptr) break;
        if (i > 0 && !(*walk)->walker().gap()) gaps[its_class].push_back(event->time_ns - before);
        before = event->time_ns;
        its_class = CostClass::Classify(*event);
      }
    }
  }
  for (std::size_t kind = 0; kind < CostClass::kKinds; ++kind) {
    double smaller = 0;
    for (std::size_t size = 0; size < CostClass::kSizes; ++size) {
      auto& those = gaps[kind * CostClass::kSizes + size];
      cost.gaps_ += those.size();
      double ns = smaller;  // a rare class costs at least as much as the next smaller one
      if (those.size() >= kFewestGaps) {
        const auto at = those.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(those.size()) * kQuickest);
        std::nth_element(those.begin(), at, those.end());
        const double most = kMostNs * (size < 5 ? 1 : static_cast<double>(1u << (size - 4)));
        ns = std::max(smaller, std::min(most, static_cast<double>(*at)));
      }
      cost.ns_[kind * CostClass::kSizes + size] = smaller = ns;
    }
  }
  return cost;
}

CallClock::CallClock(Archive& archive, std::string run, ThreadInfo thread, const RecordingCost& cost,
                     FunctionBook* book, CallSink* sink, std::uint32_t task, TimeSpan span)
    : archive_(archive),
      run_(std::move(run)),
      thread_(std::move(thread)),
      cost_(cost),
      book_(book),
      sink_(sink),
      task_(task),
      span_(span) {}

std::uint32_t CallClock::FindRunningTask() {
  const std::uint32_t local = walk_->walker().task();
  if (local != local_task_) {
    local_task_ = local;
    running_task_ = local == 0 ? 0 : walk_->names().FindTask(local);
  }
  return running_task_;
}

void CallClock::Flush() {
  if (since_.ns == 0) return;
  const auto innermost = std::find_if(stack_.rbegin(), stack_.rend(), [](const Open& open) { return open.shown; });
  if (innermost != stack_.rend()) {
    total_ += since_;
    sink_->Spend(since_);
  }
  since_ = {};
}

void CallClock::Push(std::uint32_t function, bool built_in, bool counted) {
  Flush();
  const bool shown = task_ == 0 || FindRunningTask() == task_;
  stack_.push_back({function, built_in, shown});
  if (!built_in) ++frames_;
  if (shown) sink_->Enter(function, now_ns_, counted && span_.Has(now_ns_));
}

void CallClock::Pop(bool gap) {
  Flush();
  if (stack_.back().shown) sink_->Leave(now_ns_, gap);
  if (!stack_.back().built_in) --frames_;
  stack_.pop_back();
}

void CallClock::PopBuiltIns() {
  while (!stack_.empty() && stack_.back().built_in) Pop(false);
}

void CallClock::ResizeTo(std::size_t frames) {
  while (frames_ > frames) Pop(true);
}

void CallClock::Handle(const RawEvent& event) {
  const CallWalker& walker = walk_->walker();
  if (begun_ && !walker.gap()) {
    const std::int64_t gap_ns = span_.Within(now_ns_, event.time_ns);
    if (gap_ns > 0 && (task_ == 0 || running_ == task_)) {
      since_.ns += gap_ns;
      since_.cost_ns += std::min(next_cost_, static_cast<double>(gap_ns));
    }
  }
  begun_ = true;
  now_ns_ = event.time_ns;
  running_ = task_ == 0 ? 0 : FindRunningTask();
  next_cost_ = cost_.NsOf(CostClass::Classify(event));
  const bool within = span_.Has(now_ns_);
  if (event.kind == Kind::kLost) {
    if (within) lost_ += event.lost_count;
    return;
  }
  if (within) ++events_;
  const auto& frames = walker.stack();
  const bool enters = EntersFrame(event.kind);
  // The missing events may have left frames and entered others.
  const std::size_t before = frames.size() - (enters && !frames.empty() ? 1 : 0);
  if (frames_ > walker.kept() || frames_ != before) {
    ResizeTo(std::min(walker.kept(), before));
    while (frames_ < before)
      Push(book_->NumberCode(walk_->names(), thread_.process, frames[frames_].code), false, false);
  }
  switch (event.kind) {
    case Kind::kCall:
    case Kind::kResume:
    case Kind::kThrow:
      Push(book_->NumberCode(walk_->names(), thread_.process, event.id), false, true);
      break;
    case Kind::kReturn:
    case Kind::kYield:
    case Kind::kUnwind:
      PopBuiltIns();
      if (frames_ > 0) Pop(false);
      break;
    case Kind::kLine:
      PopBuiltIns();
      break;
    case Kind::kCCall:
      Push(book_->NumberBuiltIn(walk_->names(), thread_.process, event.id), true, true);
      break;
    case Kind::kCReturn:
    case Kind::kCRaise:
      if (!stack_.empty() && stack_.back().built_in) Pop(false);
      break;
    case Kind::kThreadEnd:
      while (!stack_.empty()) Pop(false);
      break;
    default:
      break;
  }
}

Result<std::uint64_t> CallClock::FindFirstSeq() const {
  constexpr std::size_t kPortion = 4096;
  if (span_.from_ns <= thread_.first_ns) return std::uint64_t{0};
  for (std::uint64_t from = 0;;) {
    auto entries = archive_.Index(run_, thread_.thread, from, kPortion);
    if (!entries) return entries.status();
    for (const PieceEntry& entry : *entries) {
      if (entry.piece->last_ns >= span_.from_ns) return entry.piece->first_seq;
    }
    if (entries->size() < kPortion) return from;
    const std::uint64_t next = entries->back().piece->last_seq + 1;
    if (next <= from) return from;
    from = next;
  }
}

Result<bool> CallClock::Step() {
  if (walk_ == nullptr) {
    const Result<std::uint64_t> first = FindFirstSeq();
    if (!first) return first.status();
    auto walk = ThreadWalk::Open(archive_, run_, thread_, *first);
    if (!walk) return walk.status();
    walk_ = std::move(*walk);
  }
  for (std::size_t i = 0; i < kEventsPerStep; ++i) {
    const RawEvent* event = walk_->Next();
    const bool done = event == nullptr || now_ns_ > span_.to_ns;
    if (done) {
      while (!stack_.empty()) Pop(false);
      return false;
    }
    Handle(*event);
  }
  return true;
}

}  // namespace smiley::daemon
