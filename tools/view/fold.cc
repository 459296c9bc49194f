#include "tools/view/fold.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include "shm/kind_names.h"

namespace smiley::tools {

namespace {

void Mix(std::uint64_t* hash, std::uint64_t value) {
  *hash ^= value;
  *hash *= 0x9E3779B97F4A7C15u;
  *hash ^= *hash >> 29;
}

}  // namespace

std::uint64_t Folder::Signature(const EventView& event) {
  if (!IsControlFlow(event.kind)) return 0;  // output, losses and threads always have their own row
  std::uint64_t hash = 0x5EED;
  Mix(&hash, static_cast<std::uint64_t>(event.kind));
  Mix(&hash, event.line);
  Mix(&hash, event.depth);
  Mix(&hash, event.propagated ? 1 : 0);
  Mix(&hash, std::hash<std::string>()(event.file));
  Mix(&hash, std::hash<std::string>()(event.function));
  if (!event.exception_type.empty()) {
    Mix(&hash, std::hash<std::string>()(event.exception_type));
    Mix(&hash, std::hash<std::string>()(event.exception_message));
  }
  return hash | 1;
}

void Folder::Add(EventView event) {
  Thread& thread = threads_[event.thread];
  const std::uint64_t signature = Signature(event);
  if (!thread.pattern.empty()) {
    if (signature == thread.pattern[thread.partial.size()]) {
      thread.partial.push_back(std::move(event));
      if (thread.partial.size() == thread.pattern.size()) Absorb(&thread);
      return;
    }
    Finish(&thread);
  }
  const bool ends = event.kind == shm::Kind::kThreadEnd || event.kind == shm::Kind::kEnd;
  const std::uint32_t number = event.thread;
  Show(&thread, signature, event);
  if (ends) threads_.erase(number);
}

void Folder::Show(Thread* thread, std::uint64_t signature, const EventView& event) {
  show_event_(event);
  if (signature == 0) {
    thread->history.clear();
    return;
  }
  thread->history.push_back(signature);
  if (thread->history.size() > 2 * kLongestLoop) thread->history.pop_front();
  if (thread->pattern.empty()) TryFold(thread);
}

// Begins to fold the shortest loop whose last two iterations were both shown.
void Folder::TryFold(Thread* thread) {
  const std::deque<std::uint64_t>& history = thread->history;
  const std::size_t n = history.size();
  for (std::size_t period = 1; period <= kLongestLoop && 2 * period <= n; ++period) {
    if (history[n - 1] != history[n - 1 - period]) continue;
    std::size_t same = 1;
    while (same < period && history[n - 1 - same] == history[n - 1 - same - period]) ++same;
    if (same < period) continue;
    thread->pattern.assign(history.end() - static_cast<std::ptrdiff_t>(period), history.end());
    thread->summary = FoldSummary{};
    thread->fresh = false;
    ++folding_threads_;
    return;
  }
}

void Folder::Absorb(Thread* thread) {
  FoldSummary& summary = thread->summary;
  if (summary.times == 0 && thread->once.empty()) {
    thread->once.swap(thread->partial);
    return;
  }
  if (!thread->once.empty()) {
    Count(&summary, &thread->once);
    thread->once.clear();
  }
  Count(&summary, &thread->partial);
  thread->partial.clear();
  thread->fresh = true;
}

void Folder::Count(FoldSummary* out, std::vector<EventView>* events) {
  FoldSummary& summary = *out;
  ++summary.times;
  for (EventView& event : *events) {
    ++summary.events;
    summary.process = event.process;
    summary.thread = event.thread;
    summary.time_ns = event.time_ns;
    if (event.line != 0) {
      // The summary shows the place of the outermost frame in the loop.
      if (summary.first_line == 0 || event.depth < summary.depth) {
        summary.depth = event.depth;
        summary.file = event.file;
        summary.function = event.function;
        summary.first_line = summary.last_line = event.line;
      } else if (event.depth == summary.depth && event.file == summary.file) {
        summary.first_line = std::min(summary.first_line, event.line);
        summary.last_line = std::max(summary.last_line, event.line);
      }
    }
    for (auto& [name, value] : event.changed) {
      const auto found = std::find_if(
          summary.variables.begin(), summary.variables.end(),
          [&, &name = name](const FoldSummary::Variable& v) { return v.name == name && v.depth == event.depth; });
      if (found != summary.variables.end()) {
        found->last = std::move(value);
      } else if (summary.variables.size() < kMostVariables) {
        summary.variables.push_back({std::move(name), value, value, event.depth});
      }
    }
  }
}

void Folder::Finish(Thread* thread) {
  std::vector<EventView> partial;
  partial.swap(thread->once);
  partial.insert(partial.end(), std::make_move_iterator(thread->partial.begin()),
                 std::make_move_iterator(thread->partial.end()));
  thread->partial.clear();
  std::vector<std::uint64_t> pattern;
  pattern.swap(thread->pattern);
  --folding_threads_;
  if (thread->summary.times > 0) {
    thread->summary.going_on = false;
    show_fold_(thread->summary);
  }
  thread->summary = FoldSummary{};
  thread->fresh = false;
  // The unfinished iteration is shown event by event. The history is cleared, because the events would otherwise be
  // taken for another iteration at once.
  thread->history.clear();
  for (std::size_t i = 0; i < partial.size(); ++i) {
    show_event_(partial[i]);
    thread->history.push_back(pattern[i % pattern.size()]);
  }
}

void Folder::Flush() {
  for (auto& [number, thread] : threads_) {
    if (!thread.pattern.empty()) Finish(&thread);
  }
  threads_.clear();
  folding_threads_ = 0;
}

void Folder::Peek() {
  for (auto& [number, thread] : threads_) {
    if (thread.pattern.empty() || !thread.fresh) continue;
    thread.fresh = false;
    FoldSummary interim = thread.summary;
    interim.going_on = true;
    show_fold_(interim);
  }
}

}  // namespace smiley::tools
