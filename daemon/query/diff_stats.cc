// "diff" with "stats": compares two runs by the time of their functions, and estimates the noise of the differences.
#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "daemon/analysis/call_stats.h"
#include "daemon/query/objects.h"
#include "daemon/query/requests.h"
#include "daemon/query/stats.h"

namespace smiley::daemon {
namespace {

// One function in one run; `function` is null when the run never called it.
struct Timing {
  const Function* function = nullptr;
  CallCounts counts;
};
struct TimingPair {
  Timing a, b;
  double noise_ns = 0;
  bool known = false;  // noise_ns is known
  std::int64_t delta_ns() const { return b.counts.own.own_ns() - a.counts.own.own_ns(); }
  bool certain() const { return known && std::abs(static_cast<double>(delta_ns())) > noise_ns; }
};

// The cost of recording that was taken out is an estimate: a tenth of it may be wrong.
constexpr double kCostDoubt = 0.1;
constexpr double kStandardErrors = 3;

// The variance of the sum of the calls' own times between equal runs, in ns², estimated from the spread of the single
// calls. REQUIRES at least two calls.
double VarianceOf(const CallCounts& counts) {
  const auto n = static_cast<double>(counts.calls);
  const auto sum = static_cast<double>(counts.own.ns);
  return std::max(0.0, (counts.own_squares - sum * sum / n) / (n - 1)) * n;
}

std::string NameOf(const Function& function, const std::string& cwd) {
  std::string file = function.file;
  if (!cwd.empty() && file.starts_with(cwd + "/")) file.erase(0, cwd.size() + 1);
  return file + "\n" + function.name;
}

class TimingProducer : public Producer {
 public:
  TimingProducer(Archive& archive, const RunInfo& a, const RunInfo& b, std::uint64_t limit)
      : a_cwd_(a.cwd),
        b_cwd_(b.cwd),
        a_(archive, {a.id, {}, 0, 0, {}}, StatsJob::From::kDerived),
        b_(archive, {b.id, {}, 0, 0, {}}, StatsJob::From::kDerived),
        limit_(limit) {}
  Status Open() {
    const Status status = a_.Open();
    return status.ok() ? b_.Open() : status;
  }

  Result<Next> Step(std::string* out) override {
    for (StatsJob* job : {&a_, &b_}) {
      bool& done = job == &a_ ? a_done_ : b_done_;
      if (done) continue;
      auto more = job->Step();
      if (!more) return more.status();
      done = !*more;
      return Next::kMore;
    }
    if (!paired_) Pair();
    StepLimit limit;
    for (; at_ < pairs_.size(); ++at_) {
      if (limit.Reached(*out)) return Next::kMore;
      Append(out, pairs_[at_]);
    }
    return Next::kDone;
  }

  std::string EndMembers() const override {
    std::string object;
    JsonObject o(&object);
    o.Flag("equal", differ_ == 0).Number("count", pairs_.size()).Number("functions", all_).Number("differ", differ_);
    o.Signed("a_own_ns", a_.total().own_ns()).Signed("b_own_ns", b_.total().own_ns());
    o.Signed("a_cost_ns", a_.total().ns - a_.total().own_ns())
        .Signed("b_cost_ns", b_.total().ns - b_.total().own_ns());
    o.Number("lost", a_.lost() + b_.lost());
    o.End();
    return object.substr(1, object.size() - 2);
  }

 private:
  void Pair() {
    paired_ = true;
    std::map<std::string, TimingPair> by_name;
    for (StatsJob* job : {&a_, &b_}) {
      const auto& functions = job->table().functions();
      for (std::uint32_t i = 0; i < functions.size() && i < job->book().size(); ++i) {
        if (functions[i].calls == 0) continue;
        const Function& function = job->book().at(i);
        TimingPair& pair = by_name[NameOf(function, job == &a_ ? a_cwd_ : b_cwd_)];
        Timing& timing = job == &a_ ? pair.a : pair.b;
        timing.function = &function;
        timing.counts += functions[i];
      }
    }
    for (auto& [name, pair] : by_name) {
      pair.known = true;
      double variance = 0, doubt = 0;
      for (const Timing* timing : {&pair.a, &pair.b}) {
        if (timing->function == nullptr) continue;  // no calls, no noise
        pair.known = pair.known && timing->counts.calls > 1;
        if (pair.known) variance += VarianceOf(timing->counts);
        doubt += kCostDoubt * timing->counts.own.cost_ns;
      }
      if (pair.known) pair.noise_ns = kStandardErrors * std::sqrt(variance) + doubt;
      if (pair.certain()) ++differ_;
      pairs_.push_back(pair);
    }
    all_ = pairs_.size();
    std::stable_sort(pairs_.begin(), pairs_.end(), [](const TimingPair& x, const TimingPair& y) {
      return std::tuple(!x.certain(), -std::abs(x.delta_ns())) < std::tuple(!y.certain(), -std::abs(y.delta_ns()));
    });
    if (pairs_.size() > limit_) pairs_.resize(limit_);
  }
  void Append(std::string* out, const TimingPair& pair) {
    JsonObject o(out);
    o.Text("type", "timing");
    AddFunction(&o, *(pair.a.function != nullptr ? pair.a.function : pair.b.function));
    for (const auto& [key, timing] : {std::pair("a", &pair.a), std::pair("b", &pair.b)}) {
      if (timing->function == nullptr) {
        o.Null(key);
        continue;
      }
      std::string json;
      JsonObject t(&json);
      t.Number("calls", timing->counts.calls).Signed("own_ns", timing->counts.own.own_ns());
      t.Signed("cumulative_ns", timing->counts.cumulative.own_ns());
      t.End();
      o.Raw(key, json);
    }
    o.Signed("delta_ns", pair.delta_ns());
    if (pair.known) {
      o.Signed("noise_ns", static_cast<std::int64_t>(std::llround(std::min(pair.noise_ns, 9e18))));
    } else {
      o.Null("noise_ns");
    }
    o.Flag("certain", pair.certain());
    o.End();
    *out += '\n';
  }

  const std::string a_cwd_, b_cwd_;
  StatsJob a_, b_;
  const std::uint64_t limit_;
  bool a_done_ = false, b_done_ = false, paired_ = false;
  std::vector<TimingPair> pairs_;
  std::size_t at_ = 0, all_ = 0;
  std::uint64_t differ_ = 0;
};

}  // namespace

Reply AnswerTimingDiff(Archive& archive, const RunInfo& a, const RunInfo& b, std::uint64_t limit) {
  auto producer = std::make_unique<TimingProducer>(archive, a, b, limit);
  Reply reply;
  reply.status = producer->Open();
  if (reply.status.ok()) reply.stream = std::move(producer);
  return reply;
}

}  // namespace smiley::daemon
