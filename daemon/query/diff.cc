// "diff": compares what two runs did. With "stats", diff_stats.cc compares their times.
#include "daemon/analysis/diff.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "daemon/query/objects.h"
#include "daemon/query/requests.h"
#include "daemon/value/value.h"

namespace smiley::daemon {
namespace {

constexpr std::size_t kDisplayWidth = 160;

void AppendSpot(std::string* out, const DiffSpot& spot) {
  if (!spot.there) {
    *out += "null";
    return;
  }
  JsonObject o(out);
  o.Text("position", std::to_string(spot.thread) + ":" + std::to_string(spot.seq)).Signed("time_ns", spot.time_ns);
  o.TextOrNull("event", spot.event).TextOrNull("file", spot.file).Number("line", spot.line);
  o.TextOrNull("function", spot.function).Text("text", spot.text);
  if (!spot.exception.empty()) {
    std::string exception;
    JsonObject e(&exception);
    e.Text("type", spot.exception).Text("message", spot.message);
    e.End();
    o.Raw("exception", exception);
  }
  std::string stack = "[";
  for (const DiffStackFrame& frame : spot.stack) {
    if (stack.size() > 1) stack += ',';
    JsonObject f(&stack);
    f.TextOrNull("file", frame.file).Number("line", frame.line).Text("function", frame.function);
    f.End();
  }
  o.Raw("stack", stack + "]");
  o.End();
}

void AppendDifference(std::string* out, const Difference& difference, bool first) {
  JsonObject o(out);
  o.Text("type", "difference").Text("kind", DiffKindName(difference.kind)).Flag("first", first);
  o.Number("count", difference.count).Number("events", difference.events);
  for (const auto& [key, spot] : {std::pair("a", &difference.a), std::pair("b", &difference.b)}) {
    std::string json;
    AppendSpot(&json, *spot);
    o.Raw(key, json);
  }
  std::string names = "[";
  for (const DiffName& name : difference.names) {
    if (names.size() > 1) names += ',';
    JsonObject n(&names);
    n.Text("name", name.name);
    for (const auto& [key, text, value] : {std::tuple("a", "a_text", &name.a), std::tuple("b", "b_text", &name.b)}) {
      if (*value == nullptr) continue;  // absent, or unknown
      std::string json;
      AppendJson(&json, **value, (*value)->read_at);
      n.Raw(key, json).Text(text, Display(**value, kDisplayWidth));
    }
    n.End();
  }
  o.Raw("names", names + "]");
  o.End();
  *out += '\n';
}

// Pairs the threads of both runs: by process in order of start, name, and order within the name.
struct ThreadPair {
  std::optional<ThreadInfo> a, b;
};
std::vector<ThreadPair> PairThreads(const std::vector<ThreadInfo>& a, const std::vector<ThreadInfo>& b) {
  std::vector<ThreadPair> pairs;
  std::map<std::tuple<std::uint32_t, std::string, std::size_t>, std::size_t> places;
  std::map<std::pair<std::uint32_t, std::string>, std::size_t> seen;
  for (const ThreadInfo& thread : a) {
    const std::size_t nth = seen[{thread.process, thread.name}]++;
    places[{thread.process, thread.name, nth}] = pairs.size();
    pairs.push_back({thread, std::nullopt});
  }
  seen.clear();
  for (const ThreadInfo& thread : b) {
    const std::size_t nth = seen[{thread.process, thread.name}]++;
    const auto at = places.find({thread.process, thread.name, nth});
    if (at != places.end()) {
      pairs[at->second].b = thread;
    } else {
      pairs.push_back({std::nullopt, thread});
    }
  }
  return pairs;
}

class DiffProducer : public Producer {
 public:
  DiffProducer(Archive& archive, RunInfo a, RunInfo b, DiffOptions options, std::uint64_t limit)
      : archive_(archive), a_(std::move(a)), b_(std::move(b)), options_(std::move(options)), limit_(limit) {
    book_.SetStarts(a_.start_ns, b_.start_ns);
    a_lines_ = std::make_shared<SourceLines>(archive_, a_.id);
    b_lines_ = std::make_shared<SourceLines>(archive_, b_.id);
  }
  Status Open() {
    auto a = archive_.Threads(a_.id);
    auto b = archive_.Threads(b_.id);
    if (!a || !b) return a ? b.status() : a.status();
    pairs_ = PairThreads(*a, *b);
    return Status::Ok();
  }

  Result<Next> Step(std::string* out) override {
    StepLimit limit;
    while (at_ < pairs_.size()) {
      auto more = ComparePair();
      if (!more) return more.status();
      if (limit.Reached(*out) || *more) return Next::kMore;
    }
    if (!ordered_) {
      ordered_ = true;
      differences_ = book_.Ordered();
      groups_ = differences_.size();
      if (differences_.size() > limit_) differences_.resize(limit_);
    }
    while (given_ < differences_.size()) {
      AppendDifference(out, *differences_[given_], given_ == 0);
      ++given_;
      if (limit.Reached(*out)) return Next::kMore;
    }
    return Next::kDone;
  }

  std::string EndMembers() const override {
    std::string members = std::string("\"equal\":") + (groups_ == 0 ? "true" : "false");
    members += ",\"count\":" + std::to_string(differences_.size()) + ",\"groups\":" + std::to_string(groups_);
    members += ",\"differences\":" + std::to_string(book_.total()) + ",\"events\":" + std::to_string(events_);
    members += ",\"lost\":" + std::to_string(lost_) + ",\"all\":" + (all_ ? "true" : "false");
    return members;
  }

 private:
  // Continues with the current pair. True: the pair is not finished.
  Result<bool> ComparePair() {
    const ThreadPair& pair = pairs_[at_];
    book_.BeginPair(at_);
    if (!pair.a || !pair.b) {
      Difference difference;
      difference.kind = DiffKind::kThread;
      const ThreadInfo& thread = pair.a ? *pair.a : *pair.b;
      DiffSpot& spot = pair.a ? difference.a : difference.b;
      spot.there = true;
      spot.thread = thread.thread;
      spot.seq = 1;
      spot.time_ns = thread.first_ns;
      spot.event = "thread_start";
      spot.function = thread.name;
      difference.events = thread.events;
      book_.Add(std::move(difference));
      ++at_;
      return false;
    }
    if (diff_ == nullptr) {
      diff_ = std::make_unique<ThreadDiff>(DiffSide{archive_, a_, pair.a->thread, a_lines_},
                                           DiffSide{archive_, b_, pair.b->thread, b_lines_}, options_, &book_);
    }
    auto more = diff_->Step();
    if (!more || *more) return more;
    events_ += diff_->events();
    lost_ += diff_->lost();
    all_ = all_ && diff_->looked_into_all();
    diff_.reset();
    ++at_;
    return false;
  }

  Archive& archive_;
  const RunInfo a_, b_;
  const DiffOptions options_;
  const std::uint64_t limit_;
  std::shared_ptr<SourceLines> a_lines_, b_lines_;
  DifferenceBook book_;
  std::vector<ThreadPair> pairs_;
  std::size_t at_ = 0;
  std::unique_ptr<ThreadDiff> diff_;
  bool ordered_ = false, all_ = true;
  std::vector<const Difference*> differences_;
  std::size_t given_ = 0, groups_ = 0;
  std::uint64_t events_ = 0, lost_ = 0;
};

}  // namespace

Reply AnswerDiff(const Services& services, const Request& request) {
  Reply reply;
  const auto first = request.NeedText("run");
  const auto second = request.NeedText("other");
  const auto values = request.Flag("values", true);
  const auto ignore = request.Texts("ignore");
  const auto stats = request.Flag("stats", false);
  const auto limit = request.Integer("limit", 0, INT64_MAX);
  for (const Status& status :
       {first.status(), second.status(), values.status(), ignore.status(), stats.status(), limit.status()}) {
    if (reply.status.ok()) reply.status = status;
  }
  if (!reply.status) return reply;
  auto a = SelectRun(services.archive, *first);
  auto b = SelectRun(services.archive, *second);
  if (!a || !b) {
    reply.status = a ? b.status() : a.status();
    return reply;
  }
  const auto most = static_cast<std::uint64_t>(limit->value_or(1000));
  if (*stats) return AnswerTimingDiff(services.archive, *a, *b, most);
  auto producer = std::make_unique<DiffProducer>(services.archive, std::move(*a), std::move(*b),
                                                 DiffOptions{*values, *ignore}, most);
  reply.status = producer->Open();
  if (reply.status.ok()) reply.stream = std::move(producer);
  return reply;
}

}  // namespace smiley::daemon
