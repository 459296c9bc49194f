// "when": the events at which an expression becomes true.
#include <algorithm>
#include <deque>
#include <map>
#include <queue>

#include "daemon/events/event_json.h"
#include "daemon/find/when_scan.h"
#include "daemon/query/requests.h"
#include "daemon/query/state.h"

namespace smiley::daemon {
namespace {

constexpr std::int64_t kMostLast = 1'000'000;

struct WhenOptions {
  RunInfo run;
  std::optional<std::uint32_t> thread;
  std::uint64_t limit = UINT64_MAX;
  std::uint64_t last = 0;  // only the last so many; 0: all
  bool reverse = false, count = false;
};

// Searches all threads side by side, so that the matches come in the order of the export.
class WhenProducer : public Producer {
 public:
  WhenProducer(Archive& archive, WhenOptions options, shm::Expression expression)
      : archive_(archive),
        options_(std::move(options)),
        question_(std::move(expression)),
        lines_(archive, options_.run.id),
        ahead_(archive, options_.run.id) {}

  Status Open() {
    auto threads = archive_.Threads(options_.run.id);
    if (!threads) return threads.status();
    if (auto tasks = archive_.Tasks(options_.run.id)) {
      for (const TaskInfo& task : *tasks) tasks_[task.process][task.task] = task.name;
    }
    for (const ThreadInfo& info : *threads) {
      if (options_.thread && info.thread != *options_.thread) continue;
      if (info.events + info.lost == 0) continue;
      auto& variables = variables_[info.process];
      if (variables == nullptr) {
        auto names = archive_.NamesOf(options_.run.id, info.process);
        if (!names) return names.status();
        variables = std::make_shared<WhenVariables>(question_, std::move(*names));
      }
      threads_.push_back(std::make_unique<WhenThread>(archive_, options_.run.id, info, question_, variables,
                                                      WhenThread::Labels{info.name, &tasks_[info.process]}, &ahead_));
    }
    if (options_.thread && threads_.empty()) {
      return Status(Code::kNotFound, "run " + options_.run.id + " has no thread " + std::to_string(*options_.thread) +
                                         " with events (smiley-threads shows them)");
    }
    return Status::Ok();
  }

  Result<Next> Step(std::string* out) override {
    StepLimit limit;
    while (!searched_) {
      WhenThread* next = nullptr;
      for (const auto& thread : threads_) {
        if (next == nullptr || thread->not_before_ns() < next->not_before_ns()) next = thread.get();
      }
      if (next == nullptr || next->not_before_ns() == INT64_MAX) {
        searched_ = true;
      } else {
        auto more = next->Advance([this](const Event& event, const FrameVariables* values) { Keep(event, values); });
        if (!more) return more.status();
      }
      std::int64_t certain = INT64_MAX;
      for (const auto& thread : threads_) certain = std::min(certain, thread->not_before_ns());
      Emit(certain, out);
      if (matches_ >= options_.limit && options_.last == 0) searched_ = true;
      if (!searched_ && (out->size() >= kStepBytes || limit.Reached(*out))) return Next::kMore;
    }
    while (!kept_.empty()) {
      std::string& line = options_.reverse ? kept_.back() : kept_.front();
      *out += line;
      if (options_.reverse) {
        kept_.pop_back();
      } else {
        kept_.pop_front();
      }
      if (out->size() >= kStepBytes) return Next::kMore;
    }
    return Next::kDone;
  }

  std::string EndMembers() const override {
    std::uint64_t read = 0, skipped = 0, events = 0;
    for (const auto& thread : threads_) {
      read += thread->chunks_read();
      skipped += thread->chunks_skipped();
      events += thread->events();
    }
    return "\"count\":" + std::to_string(matches_) + ",\"chunks_read\":" + std::to_string(read) +
           ",\"chunks_skipped\":" + std::to_string(skipped) + ",\"events_read\":" + std::to_string(events);
  }

 private:
  struct Match {
    std::int64_t time_ns;
    std::uint32_t process, thread;
    std::uint64_t seq;
    std::string line;
    bool operator>(const Match& other) const {
      return std::tie(time_ns, process, thread, seq) >
             std::tie(other.time_ns, other.process, other.thread, other.seq);
    }
  };

  void Keep(const Event& event, const FrameVariables* values) {
    Match match{event.time_ns, event.process, event.thread, event.seq, {}};
    if (!options_.count) Write(event, values, &match.line);
    found_.push(std::move(match));
  }

  void Write(const Event& event, const FrameVariables* values, std::string* out) {
    AppendOpenEventJson(out, event);
    *out += ",\"position\":\"" + ToText({event.thread, event.seq}) + '"';
    if (event.code != nullptr && event.line != 0) {
      const std::string_view text = lines_.Line(event.code->source, event.line);
      if (!text.empty()) {
        *out += ",\"text\":";
        AppendJsonString(out, text);
      }
    }
    if (values != nullptr && !values->empty()) {
      FrameVariables known;
      for (const auto& [name, value] : *values) {
        if (value != nullptr) known.emplace_back(name, value);
      }
      *out += ",\"variables\":";
      AppendJsonNames(out, known, {event.thread, event.seq});
    }
    *out += "}\n";
  }

  // Sends the matches before `certain` (ns since 1970): no thread can add an earlier one.
  void Emit(std::int64_t certain, std::string* out) {
    while (!found_.empty() && (found_.top().time_ns < certain || certain == INT64_MAX)) {
      if (options_.last == 0 && matches_ >= options_.limit) return;
      ++matches_;
      if (!options_.count) {
        std::string line = std::move(const_cast<Match&>(found_.top()).line);
        if (options_.last == 0) {
          *out += line;
        } else {
          kept_.push_back(std::move(line));
          if (kept_.size() > options_.last) kept_.pop_front();
        }
      }
      found_.pop();
    }
  }

  Archive& archive_;
  const WhenOptions options_;
  const WhenQuestion question_;
  SourceLines lines_;
  PieceAhead ahead_;
  std::map<std::uint32_t, std::unordered_map<std::uint32_t, std::string>> tasks_;  // by process
  std::map<std::uint32_t, std::shared_ptr<WhenVariables>> variables_;              // by process
  std::vector<std::unique_ptr<WhenThread>> threads_;
  std::priority_queue<Match, std::vector<Match>, std::greater<>> found_;  // matches that another may still precede
  std::deque<std::string> kept_;                                          // lines of the last matches
  std::uint64_t matches_ = 0;                                             // matches in order so far
  bool searched_ = false;
};

}  // namespace

Reply AnswerWhen(const Services& services, const Request& request) {
  const auto selector = request.NeedText("run");
  const auto where = request.NeedText("where");
  const auto thread = request.Integer("thread", 1, UINT32_MAX);
  const auto limit = request.Integer("limit", 1, INT64_MAX);
  const auto last = request.Integer("last", 1, kMostLast);
  const auto reverse = request.Flag("reverse", false);
  const auto count = request.Flag("count", false);
  for (const Status& status : {selector.status(), where.status(), thread.status(), limit.status(), last.status(),
                               reverse.status(), count.status()}) {
    if (!status) return Refuse(status);
  }
  auto expression = shm::Expression::Parse(*where);
  if (!expression) return Refuse(expression.status());
  auto run = SelectRun(services.archive, *selector);
  if (!run) return Refuse(run.status());
  WhenOptions options;
  options.run = std::move(*run);
  if (thread->has_value()) options.thread = static_cast<std::uint32_t>(**thread);
  options.reverse = *reverse;
  options.count = *count;
  // The last match comes first: all are kept until the search has ended.
  options.last = static_cast<std::uint64_t>(last->value_or(0));
  if (limit->has_value()) {
    if (options.reverse) {
      options.last = static_cast<std::uint64_t>(std::min(**limit, kMostLast));
    } else {
      options.limit = static_cast<std::uint64_t>(**limit);
    }
  } else if (options.reverse && options.last == 0) {
    options.last = static_cast<std::uint64_t>(kMostLast);
  }
  auto producer = std::make_unique<WhenProducer>(services.archive, std::move(options), std::move(*expression));
  Reply reply;
  reply.status = producer->Open();
  if (reply.status.ok()) reply.stream = std::move(producer);
  return reply;
}

}  // namespace smiley::daemon
