#include "daemon/query/replay.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <tuple>

#include "daemon/find/merged_start.h"
#include "daemon/query/requests.h"
#include "shm/base/requires.h"

namespace smiley::daemon {
namespace {

// Events that are read before the first one that is sent: they give the values that later events change.
constexpr std::uint64_t kRunUp = 20'000;
constexpr std::uint64_t kLeastRunUp = 2'000;  // of each thread, when there are many
// Runs of up to so many events are read from their beginning: then all values are exact.
constexpr std::uint64_t kSmallRun = 300'000;
// Beyond so many threads one reader for all of them costs less than one reader per thread.
constexpr std::size_t kManyThreads = 256;
constexpr std::size_t kMaxLastBytes = 64u << 20;
// A thread is opened so long before its first event: the times of its summary and of its events may round
// differently.
constexpr std::int64_t kOpenAheadNs = 1'000'000;
constexpr std::chrono::milliseconds kReportEvery{200};  // of the growing count

std::tuple<std::int64_t, std::uint32_t, std::uint32_t, std::uint64_t> OrderOf(const Event& event) {
  return {event.time_ns, event.process, event.thread, event.seq};
}

class ReplayProducer : public Producer {
 public:
  ReplayProducer(Archive& archive, ReplayOptions options)
      : archive_(archive), options_(std::move(options)), writer_(archive, options_.run, options_.text) {}

  Status Open() {
    auto run = archive_.FindRun(options_.run);
    if (!run) return run.status();
    auto threads = archive_.Threads(options_.run);
    if (!threads) return threads.status();
    running_ = run->state == RunState::kRunning;
    for (const ThreadInfo& thread : *threads) last_ns_ = std::max(last_ns_, thread.last_ns);
    auto from = FindStarts(*threads);
    if (!from) return from.status();
    if (options_.where) {
      filter_ = std::make_unique<EventFilter>(*options_.where);
      auto tasks = archive_.Tasks(options_.run);
      filter_->SetNames(*threads, tasks ? *tasks : std::vector<TaskInfo>());
    }
    auto reader = MergedReader::Open(archive_, options_.run, *from);
    if (!reader) return reader.status();
    reader_ = std::move(*reader);
    return Status::Ok();
  }

  Result<Next> Step(std::string* out) override {
    StepLimit limit;
    while (passed_ < options_.limit || options_.count) {
      const Event* event = reader_->Next();
      if (event == nullptr || (running_ && event->time_ns > last_ns_) || event->seq > options_.to) break;
      const bool matches = filter_ == nullptr || filter_->Matches(*event, &reader_->decoder());
      if (matches && event->seq >= options_.from && IsOfFrame(*event)) Take(out, *event);
      if (limit.Reached(*out)) return ReportCount(out);
    }
    return Next::kDone;
  }

  std::string EndMembers() const override {
    std::string members = "\"events\":" + std::to_string(events_);
    if (options_.count) members += ",\"counted\":" + std::to_string(counted_);
    if (Status status = reader_->status(); !status) members += ",\"damaged\":true";
    return members;
  }

 private:
  // The event at which reading begins, in each thread that is read.
  Result<std::vector<MergedReader::From>> FindStarts(const std::vector<ThreadInfo>& threads) {
    if (options_.thread) {
      if (std::none_of(threads.begin(), threads.end(),
                       [&](const ThreadInfo& thread) { return thread.thread == *options_.thread; })) {
        return Status(Code::kNotFound, "run " + options_.run + " has no thread " + std::to_string(*options_.thread) +
                                           " (smiley-threads shows them)");
      }
      const bool near = options_.run_up.has_value() || options_.from > kSmallRun;
      const std::uint64_t run_up = options_.run_up.value_or(kRunUp);
      return std::vector<MergedReader::From>{
          {*options_.thread, near && options_.from > run_up ? options_.from - run_up : 0}};
    }
    if (options_.skip.value_or(0) == 0 && !options_.after) return std::vector<MergedReader::From>{{0, 1}};
    auto starts = options_.after ? StartsBehind(archive_, options_.run, *options_.after)
                                 : StartsBehind(archive_, options_.run, *options_.skip);
    if (!starts) return starts.status();
    std::uint64_t before = 0, begun_threads = 0;
    for (const ThreadStart& start : *starts) {
      before += start.seq - 1;
      begun_threads += start.seq > 1 ? 1 : 0;
    }
    const std::uint64_t near = std::max(kLeastRunUp, kRunUp / std::max<std::uint64_t>(1, begun_threads));
    const std::uint64_t run_up = options_.run_up.value_or(before <= kSmallRun ? kSmallRun : near);
    std::vector<MergedReader::From> from;
    for (const ThreadStart& start : *starts) {
      begun_[start.thread.thread] = start.seq;
      const bool begun = start.seq > 1;
      from.push_back(
          {start.thread.thread, start.seq > run_up ? start.seq - run_up : 1, start.seq,
           begun || start.thread.first_ns < kOpenAheadNs ? INT64_MIN : start.thread.first_ns - kOpenAheadNs});
    }
    return from;
  }

  bool IsOfFrame(const Event& event) const {
    return options_.frame == 0 || event.frame == options_.frame ||
           (event.parent == options_.frame && event.kind != shm::Kind::kLine);
  }
  void Take(std::string* out, const Event& event) {
    ++counted_;
    if (passed_ >= options_.limit) return;
    writer_.Append(out, event);
    ++events_;
    if (!options_.skip || event.lost_count == 0) {
      ++passed_;
      return;
    }
    const auto begun = begun_.find(event.thread);
    const std::uint64_t from = begun == begun_.end() ? event.seq : std::max(event.seq, begun->second);
    passed_ += event.seq + event.lost_count - from;
  }
  // Sends the count so far, at intervals, once only counting is left to do.
  Next ReportCount(std::string* out) {
    const auto now = std::chrono::steady_clock::now();
    if (!options_.count || passed_ < options_.limit || now < report_at_) return Next::kMore;
    report_at_ = now + kReportEvery;
    *out += "{\"type\":\"counted\",\"events\":" + std::to_string(counted_) + "}\n";
    return Next::kMore;
  }

  Archive& archive_;
  const ReplayOptions options_;
  EventWriter writer_;
  std::unique_ptr<EventFilter> filter_;
  std::unique_ptr<MergedReader> reader_;
  bool running_ = false;
  std::int64_t last_ns_ = INT64_MIN;
  std::uint64_t events_ = 0, counted_ = 0;
  std::uint64_t passed_ = 0;                                // events that count towards the limit
  std::unordered_map<std::uint32_t, std::uint64_t> begun_;  // by thread: the first seq after `skip` or `after`
  std::chrono::steady_clock::time_point report_at_{};
};

class LastProducer : public Producer {
 public:
  LastProducer(Archive& archive, ReplayOptions options) : last_(archive, std::move(options)) {}
  Result<Next> Step(std::string* out) override {
    if (!collected_) {
      auto done = last_.Step();
      if (!done) return done.status();
      if (!*done) return Next::kMore;
      collected_ = true;
      events_ = last_.lines().size();
    }
    while (!last_.lines().empty()) {
      *out += last_.lines().front();
      last_.lines().pop_front();
      if (out->size() >= kStepBytes) return Next::kMore;
    }
    return Next::kDone;
  }
  std::string EndMembers() const override { return "\"events\":" + std::to_string(events_); }

 private:
  LastEvents last_;
  bool collected_ = false;
  std::size_t events_ = 0;
};

}  // namespace

Result<std::unique_ptr<MergedReader>> MergedReader::Open(Archive& archive, const std::string& run,
                                                         const std::vector<From>& threads) {
  auto merged = std::make_unique<MergedReader>();
  merged->archive_ = &archive;
  merged->run_ = run;
  for (const From& from : threads) {
    if (from.due_ns != INT64_MIN) {
      merged->pending_.push_back(from);
    } else if (Status status = merged->Open(from); !status) {
      return status;
    }
  }
  std::stable_sort(merged->pending_.begin(), merged->pending_.end(),
                   [](const From& a, const From& b) { return a.due_ns > b.due_ns; });
  return merged;
}

Status MergedReader::Open(const From& from) {
  RunReader::Options options;
  if (from.thread != 0) options.threads = {from.thread};
  options.from_seq = from.thread != 0 ? from.seq : 0;
  auto reader = RunReader::Open(*archive_, run_, options);
  if (!reader) return reader.status();
  auto head = std::make_unique<Head>();
  head->reader = std::move(*reader);
  head->show = from.show;
  const bool any = Advance(head.get());
  heads_.push_back(std::move(head));
  if (any) Push(heads_.size() - 1);
  return Status::Ok();
}

bool MergedReader::Advance(Head* head) {
  while (head->reader->Next(&head->event)) {
    if (head->event.seq + std::max<std::uint64_t>(head->event.lost_count, 1) > head->show) return true;
  }
  return false;
}

bool MergedReader::IsLater(std::size_t a, std::size_t b) const {
  return OrderOf(heads_[a]->event) > OrderOf(heads_[b]->event);
}

void MergedReader::Push(std::size_t head) {
  heap_.push_back(head);
  std::push_heap(heap_.begin(), heap_.end(), [this](std::size_t a, std::size_t b) { return IsLater(a, b); });
}

const Event* MergedReader::Next() {
  if (current_ != SIZE_MAX && Advance(heads_[current_].get())) Push(current_);
  current_ = SIZE_MAX;
  while (!pending_.empty() && (heap_.empty() || heads_[heap_.front()]->event.time_ns >= pending_.back().due_ns)) {
    const From from = pending_.back();
    pending_.pop_back();
    if (Status status = Open(from); !status) bad_ = status;
  }
  if (heap_.empty()) return nullptr;
  std::pop_heap(heap_.begin(), heap_.end(), [this](std::size_t a, std::size_t b) { return IsLater(a, b); });
  current_ = heap_.back();
  heap_.pop_back();
  return &heads_[current_]->event;
}

const Decoder& MergedReader::decoder() const {
  SMILEY_REQUIRES(current_ != SIZE_MAX);
  return heads_[current_]->reader->DecoderOf(heads_[current_]->event.process);
}

Status MergedReader::status() const {
  if (!bad_) return bad_;
  for (const auto& head : heads_) {
    if (Status status = head->reader->status(); !status) return status;
  }
  return Status::Ok();
}

Result<ReplayOptions> ReadReplayOptions(const Request& request) {
  ReplayOptions options;
  const auto where = request.Text("where");
  const auto thread = request.Integer("thread", 1, UINT32_MAX);
  const auto limit = request.Integer("limit", 0, INT64_MAX);
  const auto last = request.Integer("last", 0, static_cast<std::int64_t>(kMaxLast));
  const auto text = request.Flag("source", false);
  const auto skip = request.Integer("skip", 0, INT64_MAX);
  const auto after = request.Text("after");
  const auto count = request.Flag("count", false);
  for (const Status& status : {where.status(), thread.status(), limit.status(), last.status(), text.status(),
                               skip.status(), after.status(), count.status()}) {
    if (!status) return status;
  }
  if (where->has_value() && !(*where)->empty()) {
    auto expression = shm::Expression::Parse(**where);
    if (!expression) return expression.status();
    options.where = std::move(*expression);
  }
  if (thread->has_value()) options.thread = static_cast<std::uint32_t>(**thread);
  if (limit->has_value()) options.limit = static_cast<std::uint64_t>(**limit);
  options.last = static_cast<std::uint64_t>(last->value_or(0));
  options.text = *text;
  if (const auto position = request.Text("from"); position && position->has_value()) {
    const std::string& at = **position;
    const std::size_t colon = at.find(':');
    std::uint32_t number = 0;
    const char* end = at.data() + at.size();
    const bool good = colon != std::string::npos &&
                      std::from_chars(at.data(), at.data() + colon, number).ptr == at.data() + colon && number != 0 &&
                      std::from_chars(at.data() + colon + 1, end, options.from).ptr == end && options.from != 0;
    if (!good) return Status(Code::kInvalid, "'from' must be a position like 2:1017, or a seq beside 'thread'");
    options.thread = number;
  } else {
    const auto from = request.Integer("from", 0, INT64_MAX);
    if (!from) return from.status();
    options.from = static_cast<std::uint64_t>(from->value_or(0));
    if (options.from > 1 && !options.thread)
      return Status(Code::kInvalid, "'from' as a number needs 'thread'; or give a position like 2:1017");
  }
  if (skip->has_value()) options.skip = static_cast<std::uint64_t>(**skip);
  options.count = *count;
  if (after->has_value()) {
    options.after = ParsePosition(**after);
    if (!options.after) return Status(Code::kInvalid, "'after' must be a position like 2:1017");
  }
  const bool merged = options.skip.has_value() || options.after.has_value();
  if (merged && (options.thread || options.last != 0 || (options.skip && options.after))) {
    return Status(
        Code::kInvalid,
        "'skip' and 'after' count events of all threads: give one of them, without 'thread', 'from' and 'last'");
  }
  const auto to = request.Integer("to", 1, INT64_MAX);
  const auto run_up = request.Integer("run_up", 0, static_cast<std::int64_t>(kSmallRun));
  const auto frame = request.Integer("frame", 1, INT64_MAX);
  if (!to) return to.status();
  if (!frame) return frame.status();
  if (frame->has_value() && (options.last != 0 || !options.thread)) {
    return Status(Code::kInvalid, "'frame' needs 'thread', or a position as 'from', and excludes 'last'");
  }
  options.frame = static_cast<std::uint64_t>(frame->value_or(0));
  if (!run_up) return run_up.status();
  if (run_up->has_value()) options.run_up = static_cast<std::uint64_t>(**run_up);
  if (to->has_value() && !options.thread)
    return Status(Code::kInvalid, "'to' needs 'thread', or a position as 'from'");
  if (to->has_value()) options.to = static_cast<std::uint64_t>(**to);
  return options;
}

Reply AnswerReplay(const Services& services, const Request& request) {
  Reply reply;
  const auto selector = request.NeedText("run");
  if (!selector) {
    reply.status = selector.status();
    return reply;
  }
  auto run = SelectRun(services.archive, *selector);
  auto options = ReadReplayOptions(request);
  if (!run || !options) {
    reply.status = run ? options.status() : run.status();
    return reply;
  }
  options->run = run->id;
  if (options->last != 0) {
    reply.stream = std::make_unique<LastProducer>(services.archive, std::move(*options));
    return reply;
  }
  auto producer = std::make_unique<ReplayProducer>(services.archive, std::move(*options));
  reply.status = producer->Open();
  if (reply.status.ok()) reply.stream = std::move(producer);
  return reply;
}

LastEvents::LastEvents(Archive& archive, ReplayOptions options)
    : archive_(archive), options_(std::move(options)), writer_(archive, options_.run, options_.text) {}

Status LastEvents::OpenWindow() {
  if (threads_.empty()) {
    auto threads = archive_.Threads(options_.run);
    if (!threads) return threads.status();
    threads_ = std::move(*threads);
    if (options_.thread) {
      std::erase_if(threads_, [&](const ThreadInfo& thread) { return thread.thread != *options_.thread; });
      if (threads_.empty()) {
        return Status(Code::kNotFound, "run " + options_.run + " has no thread " + std::to_string(*options_.thread) +
                                           " (smiley-threads shows them)");
      }
    }
  }
  std::uint64_t all = 0;
  for (const ThreadInfo& thread : threads_) all += thread.events + thread.lost;
  window_ = window_ == 0 ? std::max<std::uint64_t>(options_.last, 1024) : window_ * 8;
  whole_ = all <= kSmallRun || threads_.size() > kManyThreads;
  bool cut = false;
  std::vector<MergedReader::From> from;
  show_from_.clear();
  for (const ThreadInfo& thread : threads_) {
    const std::uint64_t last_seq = thread.events + thread.lost;
    const std::uint64_t first = whole_ || last_seq <= window_ ? 1 : last_seq - window_ + 1;
    if (first > 1) cut = true;
    show_from_[thread.thread] = first;
    from.push_back({thread.thread, first > kRunUp ? first - kRunUp : 1});
  }
  if (!cut) whole_ = true;
  if (whole_ && !options_.thread) from = {{0, 1}};
  auto reader = MergedReader::Open(archive_, options_.run, from);
  if (!reader) return reader.status();
  reader_ = std::move(*reader);
  if (options_.where) {
    filter_ = std::make_unique<EventFilter>(*options_.where);
    auto tasks = archive_.Tasks(options_.run);
    filter_->SetNames(threads_, tasks ? *tasks : std::vector<TaskInfo>());
  }
  lines_.clear();
  times_.clear();
  bytes_ = 0;
  certain_from_ns_ = INT64_MIN;
  seen_.clear();
  return Status::Ok();
}

Result<bool> LastEvents::Step() {
  if (options_.last == 0) return true;
  if (reader_ == nullptr) {
    if (Status status = OpenWindow(); !status) return status;
  }
  StepLimit limit;
  const std::string nothing;
  while (const Event* event = reader_->Next()) {
    const bool matches = filter_ == nullptr || filter_->Matches(*event, &reader_->decoder());
    std::uint64_t& seen = seen_[event->thread];
    seen = std::max(seen, event->lost_count == 0 ? event->seq : event->seq + event->lost_count - 1);
    const std::uint64_t first = show_from_[event->thread];
    if (event->seq < first) {
      // There are events before the window: this thread may lack events up to this time.
      certain_from_ns_ = std::max(certain_from_ns_, event->time_ns);
    } else if (matches) {
      std::string line;
      writer_.Append(&line, *event);
      bytes_ += line.size();
      lines_.push_back(std::move(line));
      times_.push_back(event->time_ns);
      while (lines_.size() > options_.last || (bytes_ > kMaxLastBytes && lines_.size() > 1)) {
        bytes_ -= lines_.front().size();
        lines_.pop_front();
        times_.pop_front();
      }
    }
    if (limit.Reached(nothing)) return false;
  }
  const bool enough = lines_.size() >= options_.last && times_.front() >= certain_from_ns_;
  if (whole_ || enough || bytes_ > kMaxLastBytes / 2) return true;
  reader_.reset();
  return false;
}

}  // namespace smiley::daemon
