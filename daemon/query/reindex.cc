// "reindex": rebuilds derived data.
#include "daemon/analysis/stored_stats.h"
#include "daemon/background/snapshot_maker.h"
#include "daemon/query/objects.h"
#include "daemon/query/requests.h"

namespace smiley::daemon {
namespace {

class ReindexProducer : public Producer {
 public:
  ReindexProducer(Store& store, std::vector<std::string> runs) : store_(store), runs_(std::move(runs)) {}
  Result<Next> Step(std::string* out) override {
    if (at_ == runs_.size()) return Next::kDone;
    if (maker_ == nullptr) {
      maker_ = std::make_unique<SnapshotMaker>(store_, runs_[at_], SnapshotOptions(), true);
      stats_ = std::make_unique<StatsMaker>(store_, runs_[at_], SnapshotOptions().least_events);
      made_ = false;
    }
    auto done = made_ ? stats_->Step() : maker_->Step();
    if (done && *done && !made_) {
      made_ = true;
      const auto run = store_.archive().FindRun(runs_[at_]);
      if (run && run->state == RunState::kEnded) return Next::kMore;
    }
    if (!done) {
      if (done.status().code() != Code::kNotFound) return done.status();  // the run was deleted meanwhile: no failure
    } else if (!*done) {
      return Next::kMore;
    } else {
      JsonObject o(out);
      o.Text("type", "reindexed").Text("run", runs_[at_]).Number("chunks", maker_->pieces());
      o.Number("snapshots", maker_->snapshots()).Number("bytes", maker_->bytes());
      o.Number("counted", stats_->threads());
      o.End();
      *out += '\n';
      ++count_;
    }
    maker_.reset();
    ++at_;
    return at_ == runs_.size() ? Next::kDone : Next::kMore;
  }
  std::string EndMembers() const override { return "\"count\":" + std::to_string(count_); }

 private:
  Store& store_;
  const std::vector<std::string> runs_;
  std::size_t at_ = 0, count_ = 0;
  std::unique_ptr<SnapshotMaker> maker_;
  std::unique_ptr<StatsMaker> stats_;
  bool made_ = false;  // the snapshots of the current run are complete
};

}  // namespace

Reply AnswerReindex(const Services& services, const Request& request) {
  Reply reply;
  const auto selector = request.Text("run");
  if (!selector) {
    reply.status = selector.status();
    return reply;
  }
  std::vector<std::string> runs;
  if (selector->has_value()) {
    auto run = SelectRun(services.archive, **selector);
    if (!run) {
      reply.status = run.status();
      return reply;
    }
    runs.push_back(run->id);
  } else {
    for (const RunInfo& run : services.store.archive().Runs()) runs.push_back(run.id);
  }
  reply.stream = std::make_unique<ReindexProducer>(services.store, std::move(runs));
  return reply;
}

}  // namespace smiley::daemon
