// Thread rule: one thread.
//
// A running run without a program. Published pieces enter the live feed as new ones.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "shm/clock.h"
#include "tests/daemon/served_home.h"

namespace smiley::daemon {

// The test acts as the drainer and publishes pieces of `events` line events each.
class LiveProgram {
 public:
  LiveProgram(TestCore& core, std::string run) : core_(core), run_(std::move(run)) {
    StoreLongRun(core.core().store(), run_, 1000, RunState::kRunning);
  }
  void Publish(std::uint64_t events) {
    PieceMaker maker(next_);
    maker.Open({{1, 1, 11}}).Base(next_, 1);
    for (std::uint64_t i = 0; i < events; ++i) maker.Line(11).Set(1, CborInt(static_cast<std::int64_t>(next_ + i)));
    Piece piece = maker.piece();
    piece.run = run_;
    piece.time.wall_minus_mono_ns = piece.time.anchor_ns - static_cast<std::int64_t>(shm::MonotonicNs());
    next_ += events;
    core_.core().feed().Publish(Summed(piece));
  }
  void End() {
    Batch batch;
    RunInfo run = MakeRunInfo(run_);
    run.exit_code = 0;
    run.events = next_ - 1;
    batch.runs.push_back(run);
    BOOST_REQUIRE(core_.core().store().Commit(batch).ok());
    core_.core().feed().PublishRun(LiveFeed::Entry::What::kRunEnded, std::make_shared<const RunInfo>(run));
  }
  std::uint64_t next() const { return next_; }

 private:
  TestCore& core_;
  const std::string run_;
  std::uint64_t next_ = 1001;
};

}  // namespace smiley::daemon
