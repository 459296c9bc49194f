#include "daemon/find/place_search.h"

#include <algorithm>

namespace smiley::daemon {

Status PlaceSearch::Add(Archive& archive, const std::string& run, const ThreadInfo& thread, const Wanted& wanted,
                        ThreadSearch::Direction direction) {
  auto names = archive.NamesOf(run, thread.process);
  if (!names) return names.status();
  const std::uint64_t from = direction == ThreadSearch::Direction::kForward ? 0 : UINT64_MAX;
  heads_.push_back({std::make_unique<ThreadSearch>(archive, run, thread, wanted, *names, from, direction)});
  return Status::Ok();
}

Result<std::unique_ptr<PlaceSearch>> PlaceSearch::Open(Archive& archive, const RunInfo& run, const PlaceInRun& place,
                                                       std::optional<std::uint32_t> thread) {
  std::unique_ptr<PlaceSearch> search(new PlaceSearch());
  search->place_ = place;
  search->run_ = run.id;
  search->position_ = place.position;
  if (place.kind == PlaceInRun::Kind::kPosition) return search;
  auto threads = archive.Threads(run.id);
  if (!threads) return threads.status();
  std::sort(threads->begin(), threads->end(),
            [](const ThreadInfo& a, const ThreadInfo& b) { return a.thread < b.thread; });
  Wanted wanted;
  auto direction = ThreadSearch::Direction::kBackward;
  bool first_only = true;
  switch (place.kind) {
    case PlaceInRun::Kind::kStart:
      direction = ThreadSearch::Direction::kForward;
      [[fallthrough]];
    case PlaceInRun::Kind::kEnd:
      wanted.in_frame = true;
      break;
    case PlaceInRun::Kind::kException:
      wanted.kinds = KindBit(shm::Kind::kRaise);
      wanted.own_raise = true;
      wanted.exception = thread ? "" : run.uncaught;
      first_only = !wanted.exception.empty();
      break;
    default:
      direction = ThreadSearch::Direction::kForward;
      wanted.kinds = KindBit(shm::Kind::kLine);
      wanted.file = place.file;
      wanted.line = place.line;
      first_only = false;
      break;
  }
  for (const ThreadInfo& info : *threads) {
    if (thread && info.thread != *thread) continue;
    if (Status status = search->Add(archive, run.id, info, wanted, direction); !status) return status;
    search->searched_.push_back(info);
    if (first_only) break;
  }
  search->archive_ = &archive;
  search->wanted_ = wanted;
  if (thread && search->heads_.empty()) {
    return Status(Code::kNotFound,
                  "run " + run.id + " has no thread " + std::to_string(*thread) + " (smiley-threads shows them)");
  }
  return search;
}

Status PlaceSearch::NotFound() const {
  switch (place_.kind) {
    case PlaceInRun::Kind::kException:
      return Status(Code::kNotFound, "no exception was raised in run " + run_);
    case PlaceInRun::Kind::kLine: {
      const std::string line = place_.file + ":" + std::to_string(place_.line);
      if (count_ == 0) return Status(Code::kNotFound, "no event of run " + run_ + " is at line " + line);
      return Status(Code::kNotFound, line + " was run " + std::to_string(count_) +
                                         (count_ == 1 ? " time" : " times") + " only, not " +
                                         std::to_string(place_.number));
    }
    default:
      return Status(Code::kNotFound, "run " + run_ + " has no events in a function there");
  }
}

Result<bool> PlaceSearch::Step() {
  if (place_.kind == PlaceInRun::Kind::kPosition) return true;
  while (true) {
    for (Head& head : heads_) {
      if (head.asked) continue;
      auto done = head.search->Step();
      if (!done) return done.status();
      if (!*done) return false;
      head.asked = true;
    }
    Head* best = nullptr;
    const bool forward = place_.kind == PlaceInRun::Kind::kLine || place_.kind == PlaceInRun::Kind::kStart;
    for (Head& head : heads_) {
      if (!head.search->found()) continue;
      const bool better =
          best == nullptr || (forward ? head.search->found()->time_ns < best->search->found()->time_ns
                                      : head.search->found()->time_ns > best->search->found()->time_ns);
      if (better) best = &head;
    }
    if (outside_ &&
        chain_ !=
            nullptr) {  // the exception's first recorded frame: the callee's event comes right before its caller's
      const auto& found = chain_->search->found();
      if (!found || position_.seq - found->position.seq > kBetweenCallers || found->open <= open_) return true;
      best = chain_;
    }
    if (best == nullptr) {
      if (place_.kind != PlaceInRun::Kind::kException || outside_) return NotFound();
      if (Status status = LookOutside(); !status) return status;
      continue;
    }
    position_ = best->search->found()->position;
    open_ = best->search->found()->open;
    if (outside_) {
      chain_ = best;
      best->asked = false;
      continue;
    }
    ++count_;
    if (place_.kind != PlaceInRun::Kind::kLine || count_ == place_.number) return true;
    best->asked = false;
  }
}

// Looks for an exception that unrecorded code raised.
Status PlaceSearch::LookOutside() {
  outside_ = true;
  earlier_read_ = chunks_read();
  wanted_.own_raise = false;
  heads_.clear();
  for (const ThreadInfo& info : searched_) {
    if (Status status = Add(*archive_, run_, info, wanted_, ThreadSearch::Direction::kBackward); !status)
      return status;
  }
  return Status::Ok();
}

std::uint64_t PlaceSearch::chunks_read() const {
  std::uint64_t sum = earlier_read_;
  for (const Head& head : heads_) sum += head.search->chunks_read();
  return sum;
}
std::uint64_t PlaceSearch::chunks_skipped() const {
  std::uint64_t sum = 0;
  for (const Head& head : heads_) sum += head.search->chunks_skipped();
  return sum;
}

}  // namespace smiley::daemon
