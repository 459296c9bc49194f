#include "daemon/query/state.h"

#include <algorithm>
#include <map>

#include "daemon/events/event_json.h"
#include "daemon/find/place_search.h"
#include "daemon/find/state_reader.h"
#include "daemon/query/requests.h"
#include "shm/cbor.h"
#include "shm/kind_names.h"

namespace smiley::daemon {
namespace {

constexpr std::int64_t kMostFrames = 1000, kMostThreads = 64, kMostOutput = 200;
constexpr std::int64_t kUsualFrames = 200, kUsualOutput = 50;
// Index entries that are read to find output: of all threads together, and at least of each.
constexpr std::uint64_t kOutputReach = 2000, kLeastOutputReach = 50;

class StateProducer : public Producer {
 public:
  struct Options {
    RunInfo run;
    PlaceInRun place;
    std::optional<std::uint32_t> thread;
    std::size_t frames = kUsualFrames, output = kUsualOutput, threads = kMostThreads;
  };
  StateProducer(Archive& archive, Options options)
      : archive_(archive), options_(std::move(options)), lines_(archive, options_.run.id) {}

  Status Open() {
    auto search = PlaceSearch::Open(archive_, options_.run, options_.place, options_.thread);
    if (!search) return search.status();
    search_ = std::move(*search);
    return Status::Ok();
  }

  Result<Next> Step(std::string* out) override {
    if (reader_ == nullptr) {
      auto found = search_->Step();
      if (!found) return found.status();
      if (!*found) return Next::kMore;
      auto reader = StateReader::Open(archive_, options_.run.id, search_->position());
      if (!reader) return reader.status();
      reader_ = std::move(*reader);
    }
    auto there = reader_->Step();
    if (!there) return there.status();
    if (!*there) return Next::kMore;
    if (Status status = Write(out); !status) return status;
    return Next::kDone;
  }

  std::string EndMembers() const override {
    const std::uint64_t read = search_->chunks_read() + (reader_ == nullptr ? 0 : reader_->chunks_read()) + read_;
    return "\"count\":1,\"chunks_read\":" + std::to_string(read);
  }

 private:
  Status Write(std::string* out);
  void WriteFrames(JsonObject* object);
  Status WriteThreads(JsonObject* object, const std::vector<ThreadInfo>& threads);
  Status WriteOutput(JsonObject* object, const std::vector<ThreadInfo>& threads);

  Archive& archive_;
  const Options options_;
  SourceLines lines_;
  std::unique_ptr<PlaceSearch> search_;
  std::unique_ptr<StateReader> reader_;
  std::map<std::uint32_t, Moment> moments_;  // by thread: the other threads' last events before this one
  std::uint64_t read_ = 0;                   // chunks
};

Status StateProducer::Write(std::string* out) {
  const Event& event = reader_->event();
  auto threads = archive_.Threads(options_.run.id);
  if (!threads) return threads.status();
  const auto self = std::find_if(threads->begin(), threads->end(),
                                 [&](const ThreadInfo& thread) { return thread.thread == event.thread; });
  JsonObject o(out);
  o.Text("type", "state").Text("position", ToText({event.thread, event.seq}));
  o.Number("process", event.process).Number("thread", event.thread);
  o.Number("seq", event.seq).Signed("time_ns", event.time_ns);
  if (self != threads->end()) {
    o.Text("name", self->name).Number("last_seq", self->events + self->lost);
  }
  std::string text;
  AppendOpenEventJson(&text, event);
  if (event.code != nullptr && event.line != 0) {
    const std::string_view line = lines_.Line(event.code->source, event.line);
    if (!line.empty()) {
      text += ",\"text\":";
      AppendJsonString(&text, line);
    }
  }
  o.Raw("event", text + "}");
  WriteFrames(&o);
  if (Status status = WriteThreads(&o, *threads); !status) return status;
  if (Status status = WriteOutput(&o, *threads); !status) return status;
  o.End();
  *out += '\n';
  return Status::Ok();
}

void StateProducer::WriteFrames(JsonObject* object) {
  const auto& frames = reader_->frames();
  const std::size_t shown = std::min(frames.size(), options_.frames);
  std::string list = "[";
  for (std::size_t i = 0; i < shown; ++i) {
    const StateReader::Frame& frame = frames[i];
    if (i != 0) list += ',';
    JsonObject f(&list);
    f.Number("frame", frame.frame).Number("depth", frame.depth);
    AppendWhere(&f, &lines_, frame.code, frame.line);
    const auto* variables = reader_->Variables(frame.frame);
    std::string values = "{", seen = "{";
    if (variables != nullptr) {
      std::vector<std::pair<const std::string*, ValuePtr>> known;
      for (const auto& [name, value] : *variables) {
        if (value != nullptr) known.emplace_back(name, value);
      }
      values.clear();
      // `read_at` of the value itself: "asof" appears only for parts that were older when the value was recorded.
      values = "[";
      bool keys = true;
      for (const auto& [name, value] : known) {
        std::string one;
        AppendJsonNames(&one, {{name, value}}, value->read_at);
        keys = keys && one.front() == '{';
        if (values.size() > 1) values += ',';
        values += one.substr(1, one.size() - 2);
        if (value->read_at.seq == 0 || one.front() != '{') continue;
        if (seen.size() > 1) seen += ',';
        AppendJsonString(&seen, *name);
        seen += ":\"" + ToText({value->read_at.thread, value->read_at.seq}) + '"';
      }
      values += ']';
      if (keys) {
        values.front() = '{';
        values.back() = '}';
      } else {  // a name that cannot be a key: all variables are pairs, as in events
        values.clear();
        AppendJsonNames(&values, known, {});
      }
    } else {
      values += '}';
    }
    f.Raw("variables", values).Raw("written", seen + "}");
    f.End();
  }
  object->Raw("frames", list + "]");
  object->Number("frames_omitted", frames.size() - shown).Number("frames_unknown", reader_->hidden());
}

Status StateProducer::WriteThreads(JsonObject* object, const std::vector<ThreadInfo>& threads) {
  const Event& event = reader_->event();
  std::string list = "[";
  std::size_t shown = 0, omitted = 0;
  for (const ThreadInfo& thread : threads) {
    if (thread.thread == event.thread || thread.events + thread.lost == 0 || thread.first_ns > event.time_ns)
      continue;
    const bool ended = thread.ended && thread.last_ns < event.time_ns;
    if (shown >= options_.threads) {
      ++omitted;
      continue;
    }
    auto moment = FindMomentBefore(archive_, options_.run.id, thread, event.time_ns, event.thread);
    if (!moment) return moment.status();
    ++read_;
    if (moment->seq == 0) continue;
    auto names = archive_.NamesOf(options_.run.id, thread.process);
    if (!names) return names.status();
    if (shown++ != 0) list += ',';
    JsonObject t(&list);
    t.Number("process", thread.process).Number("thread", thread.thread).Text("name", thread.name);
    t.Flag("ended", ended).Text("position", ToText({thread.thread, moment->seq})).Signed("time_ns", moment->time_ns);
    t.Text("event", shm::KindName(moment->kind));
    std::string stack = "[";
    std::uint32_t depth = moment->hidden + static_cast<std::uint32_t>(moment->stack.size());
    for (auto frame = moment->stack.rbegin(); frame != moment->stack.rend(); ++frame) {
      const CodeRecord* code = (*names)->FindCode(frame->code);
      if (stack.size() > 1) stack += ',';
      JsonObject f(&stack);
      f.Number("frame", frame->frame).Number("depth", --depth);
      AppendWhere(&f, &lines_, code, frame->line != 0 ? frame->line : code != nullptr ? code->first_line : 0);
      f.End();
    }
    t.Raw("frames", stack + "]").Number("frames_unknown", moment->hidden);
    t.End();
    moments_[thread.thread] = std::move(*moment);
  }
  object->Raw("threads", list + "]").Number("threads_omitted", omitted);
  return Status::Ok();
}

Status StateProducer::WriteOutput(JsonObject* object, const std::vector<ThreadInfo>& threads) {
  const Event& event = reader_->event();
  std::vector<FoundEvent> writes;
  bool cut = false;
  Wanted wanted;
  wanted.kinds = shm::kOutputKinds;
  const std::uint64_t reach = std::max(kLeastOutputReach, kOutputReach / (moments_.size() + 1));
  for (const ThreadInfo& thread : threads) {
    const auto moment = moments_.find(thread.thread);
    const bool self = thread.thread == event.thread;
    if (options_.output == 0 || (!self && moment == moments_.end())) continue;
    const std::uint64_t seq = self ? event.seq : moment->second.seq;
    ThreadSearch search(archive_, options_.run.id, thread, wanted, nullptr, seq + 1,
                        ThreadSearch::Direction::kBackward);
    for (std::size_t found = 0; found < options_.output;) {
      auto done = search.Step();
      if (!done) return done.status();
      if (search.chunks_skipped() > reach) cut = true;
      if (*done && !search.found()) break;
      if (*done) writes.push_back(*search.found());
      if (*done && ++found == options_.output) cut = true;
      if (!*done && search.chunks_skipped() > reach) break;
    }
    read_ += search.chunks_read();
  }
  std::sort(writes.begin(), writes.end(), [](const FoundEvent& a, const FoundEvent& b) {
    return std::tie(a.time_ns, a.process, a.position.thread, a.position.seq) <
           std::tie(b.time_ns, b.process, b.position.thread, b.position.seq);
  });
  if (writes.size() > options_.output) {
    cut = true;
    writes.erase(writes.begin(), writes.end() - static_cast<std::ptrdiff_t>(options_.output));
  }
  std::string list = "[";
  for (const FoundEvent& write : writes) {
    std::size_t used = 0;
    const auto text = DecodeValue(write.cbor, {}, &used);
    if (list.size() > 1) list += ',';
    JsonObject w(&list);
    w.Text("position", ToText(write.position)).Text("stream", shm::KindName(write.kind));
    w.Text("text", text.ok() ? std::string_view((*text)->text) : std::string_view());
    w.End();
  }
  object->Raw("output", list + "]").Flag("output_cut", cut);
  return Status::Ok();
}

}  // namespace

void AppendWhere(JsonObject* object, SourceLines* lines, const CodeRecord* code, std::uint32_t line) {
  if (code == nullptr) return;
  object->Text("function", code->function);
  if (code->source != 0) object->Number("source", code->source);
  object->Text("file", code->file);
  if (line == 0) return;
  object->Number("line", line);
  const std::string_view text = lines->Line(code->source, line);
  if (!text.empty()) object->Text("text", text);
}

Reply AnswerState(const Services& services, const Request& request) {
  const auto selector = request.NeedText("run");
  const auto at = request.Text("at");
  const auto thread = request.Integer("thread", 1, UINT32_MAX);
  const auto frames = request.Integer("frames", 0, kMostFrames);
  const auto threads = request.Integer("threads", 0, kMostThreads);
  const auto output = request.Integer("output", 0, kMostOutput);
  for (const Status& status :
       {selector.status(), at.status(), thread.status(), frames.status(), threads.status(), output.status()}) {
    if (!status) return Refuse(status);
  }
  const auto place = ParsePlace(at->value_or("end"));
  if (!place) return Refuse(place.status());
  auto run = SelectRun(services.archive, *selector);
  if (!run) return Refuse(run.status());
  StateProducer::Options options;
  options.run = std::move(*run);
  options.place = *place;
  if (thread->has_value()) options.thread = static_cast<std::uint32_t>(**thread);
  options.frames = static_cast<std::size_t>(frames->value_or(kUsualFrames));
  options.threads = static_cast<std::size_t>(threads->value_or(kMostThreads));
  options.output = static_cast<std::size_t>(output->value_or(kUsualOutput));
  auto producer = std::make_unique<StateProducer>(services.archive, std::move(options));
  Reply reply;
  reply.status = producer->Open();
  if (reply.status.ok()) reply.stream = std::move(producer);
  return reply;
}

}  // namespace smiley::daemon
