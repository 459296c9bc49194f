// "output": the text that the program wrote, and the events that wrote it.
#include <algorithm>
#include <queue>
#include <tuple>

#include "daemon/events/call_walk.h"
#include "daemon/query/objects.h"
#include "daemon/query/requests.h"
#include "daemon/value/value.h"

namespace smiley::daemon {
namespace {

using shm::Kind;

constexpr std::int64_t kOpenAheadNs = 1'000'000;  // the times of a summary and of its events may round differently
constexpr std::size_t kMaxLine = 1u << 20;        // a longer line comes in parts

struct Written {
  std::uint32_t process = 0, thread = 0;
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  bool to_stderr = false;
  CodeLine place;
  std::string text;
  std::uint64_t cut = 0;  // characters that the recording left out
};

void AppendWritten(std::string* out, const Written& written, std::string_view type, std::uint64_t number) {
  JsonObject o(out);
  o.Text("type", type).Text("stream", written.to_stderr ? "stderr" : "stdout");
  if (number != 0) o.Number("number", number);
  o.Number("process", written.process).Number("thread", written.thread).Number("seq", written.seq);
  o.Text("position", std::to_string(written.thread) + ":" + std::to_string(written.seq));
  o.Signed("time_ns", written.time_ns);
  if (written.place.code != nullptr) {
    o.Text("file", written.place.code->file).Number("line", written.place.line);
    o.Text("function", written.place.code->function);
    if (written.place.code->source != 0) o.Number("source", written.place.code->source);
  }
  o.Text("text", written.text);
  if (written.cut != 0) o.Number("cut", written.cut);
  o.End();
  *out += '\n';
}

// Reads the writes of all threads, merged by time. Pieces without writes are skipped.
class OutputReader {
 public:
  OutputReader(Archive& archive, std::string run) : archive_(archive), run_(std::move(run)) {}
  Status Open(std::optional<std::uint32_t> thread) {
    auto threads = archive_.Threads(run_);
    if (!threads) return threads.status();
    for (ThreadInfo& info : *threads) {
      if (thread && info.thread != *thread) continue;
      const std::int64_t first = info.first_ns > kOpenAheadNs ? info.first_ns - kOpenAheadNs : INT64_MIN;
      threads_.push_back({std::move(info), nullptr, nullptr});
      due_.push({first, threads_.back().info.process, threads_.back().info.thread, 0, threads_.size() - 1});
    }
    if (threads_.empty() && thread) {
      return Status(Code::kNotFound,
                    "run " + run_ + " has no thread " + std::to_string(*thread) + " (smiley-threads shows them)");
    }
    return Status::Ok();
  }
  enum class Found {
    kWritten,  // *written holds the next write
    kNotYet,   // call again
    kEnd,      // there are no more writes
  };
  Result<Found> Next(Written* written) {
    if (advancing_ != SIZE_MAX) {
      Advance();
      return Found::kNotYet;
    }
    if (due_.empty()) return Found::kEnd;
    const Due next = due_.top();
    due_.pop();
    Thread& thread = threads_[next.thread_index];
    if (thread.walk == nullptr) {
      auto walk = ThreadWalk::Open(archive_, run_, thread.info);
      if (!walk) return walk.status();
      thread.walk = std::move(*walk);
      thread.walk->OnlyKinds(shm::kOutputKinds);
      advancing_ = next.thread_index;
      return Found::kNotYet;
    }
    Fill(thread, written);
    advancing_ = next.thread_index;
    return Found::kWritten;
  }
  bool damaged() const { return damaged_; }

 private:
  struct Thread {
    ThreadInfo info;
    std::unique_ptr<ThreadWalk> walk;
    const RawEvent* event;
  };
  struct Due {
    std::int64_t time_ns;
    std::uint32_t process, thread;
    std::uint64_t seq;
    std::size_t thread_index;
    bool operator>(const Due& other) const {
      return std::tie(time_ns, process, thread, seq) >
             std::tie(other.time_ns, other.process, other.thread, other.seq);
    }
  };

  // Searches the next 1024 events of the thread for a write.
  void Advance() {
    Thread& thread = threads_[advancing_];
    for (int i = 0; i < 1024; ++i) {
      thread.event = thread.walk->Next();
      if (thread.event == nullptr) {
        if (!thread.walk->ended()) return;
        if (!thread.walk->status()) damaged_ = true;
        thread.walk.reset();
        advancing_ = SIZE_MAX;
        return;
      }
      if (!IsOutput(thread.event->kind)) continue;
      due_.push({thread.event->time_ns, thread.info.process, thread.info.thread, thread.event->seq, advancing_});
      advancing_ = SIZE_MAX;
      return;
    }
  }
  void Fill(const Thread& thread, Written* written) {
    const RawEvent& event = *thread.event;
    *written = {};
    written->process = thread.info.process;
    written->thread = thread.info.thread;
    written->seq = event.seq;
    written->time_ns = event.time_ns;
    written->to_stderr = event.kind == Kind::kStderr;
    written->place = CodeLineOf(*thread.walk, event);
    for (const Attachment& attachment : event.attachments) {
      if (attachment.kind != Kind::kText) continue;
      std::size_t used = 0;
      const auto value = DecodeValue(attachment.bytes, {}, attachment.is_inline ? &used : nullptr);
      if (!value || (!(*value)->IsStr() && !(*value)->IsBytes())) {
        damaged_ = true;
        continue;
      }
      written->text += (*value)->text;
      written->cut += (*value)->cut;
    }
  }

  Archive& archive_;
  const std::string run_;
  std::vector<Thread> threads_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::size_t advancing_ = SIZE_MAX;
  bool damaged_ = false;
};

struct OutputOptions {
  std::string run;
  std::optional<std::uint32_t> thread;
  std::optional<bool> to_stderr;  // only this stream
  bool lines = false;
  std::uint64_t number = 0;  // only this line; 0 = all
};

class OutputProducer : public Producer {
 public:
  OutputProducer(Archive& archive, OutputOptions options)
      : options_(std::move(options)), reader_(archive, options_.run) {}
  Status Open() { return reader_.Open(options_.thread); }

  Result<Next> Step(std::string* out) override {
    StepLimit limit;
    while (!done_) {
      Written written;
      const auto found = reader_.Next(&written);
      if (!found) return found.status();
      if (*found == OutputReader::Found::kEnd) {
        for (Line& line : lines_) {
          if (!line.empty) EndLine(out, &line);
        }
        done_ = true;
      } else if (*found == OutputReader::Found::kWritten) {
        Take(out, std::move(written));
      }
      if (limit.Reached(*out)) return Next::kMore;
    }
    return Next::kDone;
  }
  std::string EndMembers() const override {
    return "\"count\":" + std::to_string(count_) + (reader_.damaged() ? ",\"damaged\":true" : "");
  }

 private:
  // The unfinished line of a stream.
  struct Line {
    Written begin;  // the write that began it; its text is that of the line so far
    bool empty = true;
    std::uint64_t number = 1;
  };

  void Take(std::string* out, Written written) {
    if (options_.to_stderr && *options_.to_stderr != written.to_stderr) return;
    if (!options_.lines) {
      AppendWritten(out, written, "output", 0);
      ++count_;
      return;
    }
    Line& line = lines_[written.to_stderr ? 1 : 0];
    const std::string text = std::move(written.text);
    written.text.clear();
    for (std::size_t at = 0; at < text.size() && !done_;) {
      const std::size_t newline = text.find('\n', at);
      const std::size_t end = newline == std::string::npos ? text.size() : newline;
      if (line.empty) {
        line.begin = written;
        line.empty = false;
      }
      line.begin.text.append(text, at, end - at);
      at = end + 1;
      if (newline != std::string::npos) {
        EndLine(out, &line);
        ++line.number;
      } else if (line.begin.text.size() >= kMaxLine) {
        EndLine(out, &line);
      }
    }
    if (!line.empty) line.begin.cut += written.cut;
  }
  void EndLine(std::string* out, Line* line) {
    if (options_.number == 0 || options_.number == line->number) {
      AppendWritten(out, line->begin, "output_line", line->number);
      ++count_;
    }
    if (options_.number != 0 && line->number >= options_.number) done_ = true;
    line->begin = {};
    line->empty = true;
  }

  const OutputOptions options_;
  OutputReader reader_;
  Line lines_[2];  // stdout, stderr
  bool done_ = false;
  std::uint64_t count_ = 0;
};

}  // namespace

Reply AnswerOutput(const Services& services, const Request& request) {
  Reply reply;
  const auto selector = request.NeedText("run");
  const auto thread = request.Integer("thread", 1, UINT32_MAX);
  const auto stream = request.Text("stream");
  const auto lines = request.Flag("lines", false);
  const auto number = request.Integer("number", 1, INT64_MAX);
  for (const Status& status :
       {selector.status(), thread.status(), stream.status(), lines.status(), number.status()}) {
    if (reply.status.ok()) reply.status = status;
  }
  if (!reply.status) return reply;
  OutputOptions options;
  auto run = SelectRun(services.archive, *selector);
  if (!run) {
    reply.status = run.status();
    return reply;
  }
  options.run = run->id;
  if (thread->has_value()) options.thread = static_cast<std::uint32_t>(**thread);
  if (stream->has_value()) {
    if (**stream != "stdout" && **stream != "stderr") {
      reply.status = Status(Code::kInvalid, "'stream' must be stdout or stderr");
      return reply;
    }
    options.to_stderr = **stream == "stderr";
  }
  options.lines = *lines || number->has_value();
  options.number = static_cast<std::uint64_t>(number->value_or(0));
  if (options.number != 0 && !options.to_stderr) options.to_stderr = false;
  auto producer = std::make_unique<OutputProducer>(services.archive, std::move(options));
  reply.status = producer->Open();
  if (reply.status.ok()) reply.stream = std::move(producer);
  return reply;
}

}  // namespace smiley::daemon
