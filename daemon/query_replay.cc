#include "daemon/query_replay.h"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace smiley::daemon {
namespace {

// Events read before the first one that is shown, so that variables are known and not only their changes.
constexpr std::uint64_t kRunUp = 20'000;
// Runs up to this size are read from their beginning: everything is exact then.
constexpr std::uint64_t kSmallRun = 300'000;
// Beyond this many threads one reader for all of them costs less than one for each.
constexpr std::size_t kManyThreads = 256;
constexpr std::size_t kMaxLastBytes = 64u << 20;

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
    RunReader::Options reading;
    if (options_.thread) {
      reading.threads = {*options_.thread};
      if (std::none_of(threads->begin(), threads->end(),
                       [&](const ThreadInfo& thread) { return thread.thread == *options_.thread; })) {
        return Status(Code::kNotFound, "run " + options_.run + " has no thread " + std::to_string(*options_.thread) +
                                           " (smiley-threads shows them)");
      }
      const bool near = options_.run_up.has_value() || options_.from > kSmallRun;
      const std::uint64_t run_up = options_.run_up.value_or(kRunUp);
      if (near && options_.from > run_up) reading.from_seq = options_.from - run_up;
    }
    if (options_.where) {
      filter_ = std::make_unique<EventFilter>(*options_.where);
      auto tasks = archive_.Tasks(options_.run);
      filter_->SetNames(*threads, tasks ? *tasks : std::vector<TaskInfo>());
    }
    auto reader = RunReader::Open(archive_, options_.run, reading);
    if (!reader) return reader.status();
    reader_ = std::move(*reader);
    return Status::Ok();
  }

  Result<Next> Step(std::string* out) override {
    StepLimit limit;
    while (events_ < options_.limit && reader_->Next(&event_)) {
      if (running_ && event_.time_ns > last_ns_) break;
      if (event_.seq > options_.to) break;
      const bool matches = filter_ == nullptr || filter_->Matches(event_, &reader_->DecoderOf(event_.process));
      if (matches && event_.seq >= options_.from && IsOfFrame()) {
        writer_.Append(out, event_);
        ++events_;
      }
      if (limit.Reached(*out)) return Next::kMore;
    }
    return Next::kDone;
  }

  std::string EndMembers() const override {
    std::string members = "\"events\":" + std::to_string(events_);
    if (Status status = reader_->status(); !status) members += ",\"damaged\":true";
    return members;
  }

 private:
  bool IsOfFrame() const {
    return options_.frame == 0 || event_.frame == options_.frame ||
           (event_.parent == options_.frame && event_.kind != shm::Kind::kLine);
  }

  Archive& archive_;
  const ReplayOptions options_;
  EventWriter writer_;
  std::unique_ptr<EventFilter> filter_;
  std::unique_ptr<RunReader> reader_;
  bool running_ = false;
  std::int64_t last_ns_ = INT64_MIN;
  Event event_;
  std::uint64_t events_ = 0;
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
  for (const From& from : threads) {
    RunReader::Options options;
    if (from.thread != 0) options.threads = {from.thread};
    options.from_seq = from.thread != 0 ? from.seq : 0;
    auto reader = RunReader::Open(archive, run, options);
    if (!reader) return reader.status();
    auto head = std::make_unique<Head>();
    head->reader = std::move(*reader);
    if (!head->reader->Next(&head->event)) continue;
    merged->heads_.push_back(std::move(head));
  }
  const auto later = [&heads = merged->heads_](std::size_t a, std::size_t b) {
    return OrderOf(heads[a]->event) > OrderOf(heads[b]->event);
  };
  for (std::size_t i = 0; i < merged->heads_.size(); ++i) merged->heap_.push_back(i);
  std::make_heap(merged->heap_.begin(), merged->heap_.end(), later);
  return merged;
}

const Event* MergedReader::Next() {
  const auto later = [this](std::size_t a, std::size_t b) {
    return OrderOf(heads_[a]->event) > OrderOf(heads_[b]->event);
  };
  if (current_ != SIZE_MAX && heads_[current_]->reader->Next(&heads_[current_]->event)) {
    heap_.push_back(current_);
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  current_ = SIZE_MAX;
  if (heap_.empty()) return nullptr;
  std::pop_heap(heap_.begin(), heap_.end(), later);
  current_ = heap_.back();
  heap_.pop_back();
  return &heads_[current_]->event;
}

const Decoder& MergedReader::decoder() const {
  return heads_[current_]->reader->DecoderOf(heads_[current_]->event.process);
}

Result<ReplayOptions> ReadReplayOptions(const Request& request) {
  ReplayOptions options;
  const auto where = request.Text("where");
  const auto thread = request.Integer("thread", 1, UINT32_MAX);
  const auto limit = request.Integer("limit", 0, INT64_MAX);
  const auto last = request.Integer("last", 0, static_cast<std::int64_t>(kMaxLast));
  const auto text = request.Flag("source", false);
  for (const Status& status : {where.status(), thread.status(), limit.status(), last.status(), text.status()}) {
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
    if (options.from > 1 && !options.thread) return Status(Code::kInvalid, "'from' needs 'thread'");
  }
  const auto to = request.Integer("to", 1, INT64_MAX);
  const auto run_up = request.Integer("run_up", 0, static_cast<std::int64_t>(kSmallRun));
  const auto frame = request.Integer("frame", 1, INT64_MAX);
  if (!to) return to.status();
  if (!frame) return frame.status();
  if (frame->has_value() && (options.last != 0 || !options.thread)) {
    return Status(Code::kInvalid, "'frame' needs 'thread', or a position as 'from', and goes without 'last'");
  }
  options.frame = static_cast<std::uint64_t>(frame->value_or(0));
  if (!run_up) return run_up.status();
  if (run_up->has_value()) options.run_up = static_cast<std::uint64_t>(**run_up);
  if (to->has_value() && !options.thread) return Status(Code::kInvalid, "'to' needs 'thread', or a position as 'from'");
  if (to->has_value()) options.to = static_cast<std::uint64_t>(**to);
  return options;
}

Reply MakeReplay(const Services& services, const Request& request) {
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
      // Events before the window exist: what is at or before this time may have been passed over in this thread.
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
