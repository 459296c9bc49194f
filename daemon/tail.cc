// The live view: each client decodes for itself what the feed offers, at its own pace, and is told what it missed.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "daemon/query_json.h"
#include "daemon/query_replay.h"
#include "shm/clock.h"

namespace smiley::daemon {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Behind by more than this while there is newer: the client sees what happens now rather than all of what happened.
// How far behind a client may be before it is brought to the present: one that asked for a rate is a person.
constexpr std::int64_t kMaxLagNs = 250'000'000;
constexpr std::int64_t kMaxProgramLagNs = 1'000'000'000;
// Beyond its rate a client's pieces are still decoded when they are as small as this, so that values stay known.
constexpr std::uint64_t kDecodeAnyway = 1500;
constexpr std::size_t kTakeBytes = 256 * 1024;

class TailProducer : public Producer {
 public:
  TailProducer(const Services& services, ReplayOptions options, bool follow, double max_rate)
      : services_(services), options_(std::move(options)), follow_(follow), max_rate_(max_rate) {}

  Status Open(std::function<void()> wake) {
    // First the feed, then the archive: nothing falls between them.
    reader_ = services_.feed.Watch(options_.run, std::move(wake));
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
    // A run that ended unnoticed (its end was skipped) is found out; whoever watches all runs needs no such look.
    if (options_.run.empty()) return std::nullopt;
    return SteadyClock::now() + std::chrono::seconds(2);
  }
  std::string EndMembers() const override {
    return "\"events\":" + std::to_string(events_) + ",\"skipped\":" + std::to_string(all_skipped_);
  }

 private:
  struct RunView {
    std::unique_ptr<EventWriter> writer;
    std::unique_ptr<EventFilter> filter;
    std::map<std::uint32_t, std::unique_ptr<Decoder>> decoders;      // by process
    std::unordered_map<std::uint32_t, std::uint64_t> seen;           // by thread: last seq given from the archive
    std::unordered_set<std::uint32_t> named;                         // threads whose names the filter knows
  };

  // What happened before the watching began.
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
    View(past_.id).seen = last_->seen();
    last_.reset();
    if (past_.state != RunState::kRunning) AppendEnd(out, past_);
    return Next::kMore;
  }

  Result<Next> StepLive(std::string* out) {
    StepLimit limit;
    bool more = false;
    if (pending_.empty()) {
      LiveFeed::Taken taken = reader_->Take(kTakeBytes);
      gap_ += taken.skipped_events;
      more_ = taken.more;
      pending_.assign(std::make_move_iterator(taken.entries.begin()), std::make_move_iterator(taken.entries.end()));
      if (pending_.empty() && !more_) {
        FlushGap(out);
        if (!options_.run.empty()) LookForEnd(out);
        return ended_ ? Next::kDone : Next::kWait;
      }
    }
    while (!pending_.empty() && !ended_) {
      if (decoding_ == nullptr) {
        const LiveFeed::Entry entry = std::move(pending_.front());
        pending_.pop_front();
        if (entry.what == LiveFeed::Entry::What::kRunBegan) {
          SwitchTo(out, *entry.run);
        } else if (entry.what == LiveFeed::Entry::What::kRunEnded) {
          FlushGap(out);
          if (current_ != entry.run->id) SwitchTo(out, *entry.run);
          AppendEnd(out, *entry.run);
          views_.erase(entry.run->id);
        } else if (entry.piece != nullptr) {
          StartPiece(entry.piece);
        }
      }
      if (decoding_ != nullptr) more = DecodeSome(out, &limit);
      if (more) break;
    }
    FlushGap(out);
    return ended_ ? Next::kDone : Next::kMore;
  }

  RunView& View(const std::string& run) {
    RunView& view = views_[run];
    if (view.writer == nullptr) {
      view.writer = std::make_unique<EventWriter>(services_.archive, run, options_.text);
      if (options_.where) view.filter = std::make_unique<EventFilter>(*options_.where);
    }
    return view;
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
    o.Signed("end_ns", run.end_ns).Number("events", run.events).Number("lost", run.lost).Flag("complete", run.complete);
    o.End();
    *out += '\n';
    if (run.id == options_.run) ended_ = true;
  }

  void LookForEnd(std::string* out) {
    auto run = services_.archive.FindRun(options_.run);
    if (!run) {
      ended_ = true;  // deleted
    } else if (run->state == RunState::kEnded) {
      AppendEnd(out, *run);
    }
  }

  void FlushGap(std::string* out) {
    if (gap_ == 0) return;
    *out += "{\"type\":\"gap\",\"skipped\":" + std::to_string(gap_) + "}\n";
    all_skipped_ += gap_;
    gap_ = 0;
  }

  // Sets decoding_ when the piece is to be looked at.
  void StartPiece(const PiecePtr& piece) {
    if (options_.thread && piece->thread != *options_.thread) return;
    RunView& view = View(piece->run);
    const auto seen = view.seen.find(piece->thread);
    if (seen != view.seen.end() && piece->last_seq <= seen->second && piece->lost == 0) return;
    RefillTokens();
    const std::int64_t now_ns =
        static_cast<std::int64_t>(shm::MonotonicNs()) + piece->time.wall_minus_mono_ns;
    const bool late = now_ns - piece->last_ns > (max_rate_ > 0 ? kMaxLagNs : kMaxProgramLagNs) && (more_ || pending_.size() > 8);
    const bool too_many = max_rate_ > 0 && tokens_ < 1 && piece->events > kDecodeAnyway;
    if (late || too_many) {
      gap_ += piece->events;
      return;
    }
    auto& decoder = view.decoders[piece->process];
    if (decoder == nullptr) {
      auto names = services_.archive.NamesOf(piece->run, piece->process);
      if (!names) {
        gap_ += piece->events;
        return;
      }
      decoder = std::make_unique<Decoder>(std::move(*names));
    }
    if (view.filter != nullptr && view.named.insert(piece->thread).second) {
      auto threads = services_.archive.Threads(piece->run);
      auto tasks = services_.archive.Tasks(piece->run);
      if (threads && tasks) view.filter->SetNames(*threads, *tasks);
    }
    decoding_ = piece;
    decoder->Start(piece);
  }

  // True: the step's limit is reached, the piece goes on next time.
  bool DecodeSome(std::string* out, StepLimit* limit) {
    RunView& view = View(decoding_->run);
    Decoder& decoder = *view.decoders[decoding_->process];
    const auto seen = view.seen.find(decoding_->thread);
    const std::uint64_t seen_seq = seen == view.seen.end() ? 0 : seen->second;
    while (decoder.Next(&event_)) {
      if (event_.seq > seen_seq && (view.filter == nullptr || view.filter->Matches(event_, &decoder))) {
        if (max_rate_ > 0 && tokens_ < 1 && event_.kind != shm::Kind::kLost) {
          ++gap_;
        } else {
          if (current_ != decoding_->run) {
            auto run = services_.archive.FindRun(decoding_->run);
            if (run) SwitchTo(out, *run);
          }
          FlushGap(out);
          view.writer->Append(out, event_);
          ++events_;
          tokens_ -= 1;
        }
      }
      if (limit->Reached(*out)) return true;
    }
    decoding_.reset();
    return false;
  }

  void RefillTokens() {
    if (max_rate_ <= 0) return;
    const auto now = SteadyClock::now();
    tokens_ += std::chrono::duration<double>(now - refilled_).count() * max_rate_;
    tokens_ = std::min(tokens_, std::max(max_rate_ / 10, 1.0));
    refilled_ = now;
  }

  const Services& services_;
  const ReplayOptions options_;
  const bool follow_;
  const double max_rate_;
  std::unique_ptr<LiveFeed::Reader> reader_;
  std::vector<RunInfo> waiting_runs_;  // whose past is still to be shown
  RunInfo past_;
  std::unique_ptr<LastEvents> last_;
  std::unordered_map<std::string, RunView> views_;
  std::string current_;  // the run that the latest header named
  std::deque<LiveFeed::Entry> pending_;
  bool more_ = false;
  PiecePtr decoding_;
  Event event_;
  std::uint64_t gap_ = 0, all_skipped_ = 0, events_ = 0;
  double tokens_ = 1;
  SteadyClock::time_point refilled_ = SteadyClock::now();
  bool ended_ = false;
};

}  // namespace

Reply MakeTail(const Services& services, const Request& request, std::function<void()> wake) {
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
  reply.status = producer->Open(std::move(wake));
  if (reply.status.ok()) reply.stream = std::move(producer);
  return reply;
}

}  // namespace smiley::daemon
