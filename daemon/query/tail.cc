// "tail": the last events of the past, then live ones, and the number of those that were skipped.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "daemon/live/live_view.h"
#include "daemon/query/objects.h"
#include "daemon/query/replay.h"
#include "daemon/query/requests.h"

namespace smiley::daemon {
namespace {

using SteadyClock = std::chrono::steady_clock;

class TailProducer : public Producer {
 public:
  TailProducer(const Services& services, ReplayOptions options, bool follow, double max_rate)
      : services_(services), options_(std::move(options)), follow_(follow), max_rate_(max_rate) {}

  Status Open(std::function<void()> wake) {
    // The live view is opened before the archive is read, so that no event is missed between them.
    LiveWish wish;
    wish.run = options_.run;
    wish.thread = options_.thread;
    wish.where = options_.where;
    wish.text = options_.text;
    wish.max_rate = max_rate_;
    if (follow_) watcher_ = services_.live.Watch(wish, std::move(wake));
    if (!options_.run.empty()) {
      auto run = services_.archive.FindRun(options_.run);
      if (!run) return run.status();
      waiting_runs_.push_back(std::move(*run));
    } else {
      for (RunInfo& run : services_.archive.Runs()) {
        if (run.state == RunState::kRunning) waiting_runs_.push_back(std::move(run));
      }
      std::reverse(waiting_runs_.begin(), waiting_runs_.end());
    }
    return Status::Ok();
  }

  Result<Next> Step(std::string* out) override {
    if (!waiting_runs_.empty() || last_ != nullptr) return StepPast(out);
    if (ended_ || !follow_) return Next::kDone;
    return StepLive(out);
  }

  std::optional<SteadyClock::time_point> WaitUntil() const override {
    // The live view may skip the end of a run, so the archive is checked every 2 seconds. A tail of all runs never
    // ends.
    if (options_.run.empty()) return std::nullopt;
    return SteadyClock::now() + std::chrono::seconds(2);
  }
  std::string EndMembers() const override {
    return "\"events\":" + std::to_string(events_) + ",\"skipped\":" + std::to_string(all_skipped_);
  }

 private:
  // Sends the events from before the live view was opened.
  Result<Next> StepPast(std::string* out) {
    if (last_ == nullptr) {
      past_ = std::move(waiting_runs_.front());
      waiting_runs_.erase(waiting_runs_.begin());
      SwitchTo(out, past_);
      ReplayOptions options = options_;
      options.run = past_.id;
      last_ = std::make_unique<LastEvents>(services_.archive, std::move(options));
    }
    auto done = last_->Step();
    if (!done) return done.status();
    if (!*done) return Next::kMore;
    while (!last_->lines().empty()) {
      *out += last_->lines().front();
      last_->lines().pop_front();
      ++events_;
      if (out->size() >= kStepBytes) return Next::kMore;
    }
    seen_[past_.id] = last_->seen();
    last_.reset();
    if (past_.state != RunState::kRunning) AppendEnd(out, past_);
    return Next::kMore;
  }

  Result<Next> StepLive(std::string* out) {
    auto portions = watcher_->Take(kStepBytes);
    if (portions.empty() && !options_.run.empty()) {
      // The live view may have skipped the end of the run. Events that arrived before the end are sent first.
      const auto run = services_.archive.FindRun(options_.run);
      ended_ = !run.ok();  // deleted
      const bool over = run && run->state == RunState::kEnded && watcher_->CaughtUp();
      if (over) portions = watcher_->Take(kStepBytes);
      if (over && portions.empty()) AppendEnd(out, *run);
    }
    for (const LivePortionPtr& portion : portions) {
      if (ended_) break;
      SendPortion(out, *portion);
    }
    FlushGap(out);
    if (ended_) return Next::kDone;
    return portions.empty() ? Next::kWait : Next::kMore;
  }

  void SendPortion(std::string* out, const LivePortion& portion) {
    if (portion.what == LivePortion::What::kEvents) {
      SendEvents(out, portion);
      return;
    }
    FlushGap(out);
    SwitchTo(out, *portion.info);
    if (portion.what == LivePortion::What::kRunBegan) return;
    AppendEnd(out, *portion.info);
    seen_.erase(portion.run);
  }

  void SendEvents(std::string* out, const LivePortion& portion) {
    const auto run = seen_.find(portion.run);
    // The last number of the thread that was given from the archive.
    const auto seen = [&](std::uint32_t thread) -> std::uint64_t {
      if (run == seen_.end()) return 0;
      const auto at = run->second.find(thread);
      return at == run->second.end() ? 0 : at->second;
    };
    for (const SkippedEvents& skipped : portion.skipped) {
      const std::uint64_t last = std::min(seen(skipped.thread), skipped.last_seq);
      gap_ += skipped.events - std::min(skipped.events, last < skipped.first_seq ? 0 : last - skipped.first_seq + 1);
    }
    std::uint32_t from = 0;
    for (const LivePortion::Line& line : portion.marks) {
      if (line.seq > seen(line.thread)) {
        if (current_ != portion.run) {
          const auto info = services_.archive.FindRun(portion.run);
          if (info) SwitchTo(out, *info);
        }
        FlushGap(out);
        out->append(portion.lines, from, line.end - from);
        ++events_;
      }
      from = line.end;
    }
  }

  void SwitchTo(std::string* out, const RunInfo& run) {
    if (current_ == run.id) return;
    FlushGap(out);
    current_ = run.id;
    AppendRun(out, run);
    *out += '\n';
  }

  void AppendEnd(std::string* out, const RunInfo& run) {
    JsonObject o(out);
    o.Text("type", "end").Text("run", run.id);
    if (run.exit_code) {
      o.Signed("exit_code", *run.exit_code);
    } else {
      o.Null("exit_code");
    }
    if (run.signal) {
      o.Signed("signal", *run.signal);
    } else {
      o.Null("signal");
    }
    o.Signed("end_ns", run.end_ns)
        .Number("events", run.events)
        .Number("lost", run.lost)
        .Flag("complete", run.complete);
    o.End();
    *out += '\n';
    if (run.id == options_.run) ended_ = true;
  }

  void FlushGap(std::string* out) {
    if (gap_ == 0) return;
    *out += "{\"type\":\"gap\",\"skipped\":" + std::to_string(gap_) + "}\n";
    all_skipped_ += gap_;
    gap_ = 0;
  }

  const Services& services_;
  const ReplayOptions options_;
  const bool follow_;
  const double max_rate_;
  std::unique_ptr<LiveView::Watcher> watcher_;
  std::vector<RunInfo> waiting_runs_;  // runs whose past is still to be sent
  RunInfo past_;
  std::unique_ptr<LastEvents> last_;
  // By run and thread: the last seq that came from the archive.
  std::unordered_map<std::string, std::unordered_map<std::uint32_t, std::uint64_t>> seen_;
  std::string current_;                                   // the run of the latest run object
  std::uint64_t gap_ = 0, all_skipped_ = 0, events_ = 0;  // numbers of events; gap_: skipped and not yet reported
  bool ended_ = false;
};

}  // namespace

Reply AnswerTail(const Services& services, const Request& request, const std::function<void()>& wake) {
  Reply reply;
  const auto selector = request.Text("run");
  const auto follow = request.Flag("follow", true);
  const auto max_rate = request.Integer("max_rate", 0, 1'000'000'000);
  auto options = ReadReplayOptions(request);
  for (const Status& status : {selector.status(), follow.status(), max_rate.status(), options.status()}) {
    if (!status) {
      reply.status = status;
      return reply;
    }
  }
  if (selector->has_value()) {
    auto run = SelectRun(services.archive, **selector);
    if (!run) {
      reply.status = run.status();
      return reply;
    }
    options->run = run->id;
  }
  auto producer = std::make_unique<TailProducer>(services, std::move(*options), *follow,
                                                 static_cast<double>(max_rate->value_or(0)));
  reply.status = producer->Open(wake);
  if (reply.status.ok()) reply.stream = std::move(producer);
  return reply;
}

}  // namespace smiley::daemon
