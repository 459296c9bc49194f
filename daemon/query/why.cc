// "why": the origin of a variable's value, write by write.
#include <algorithm>
#include <optional>

#include "daemon/events/event_filter.h"
#include "daemon/find/place_search.h"
#include "daemon/find/state_reader.h"
#include "daemon/query/requests.h"
#include "daemon/query/state.h"
#include "shm/kind_names.h"

namespace smiley::daemon {
namespace {

using shm::Kind;

constexpr std::size_t kMostLinks = 100;
constexpr std::size_t kMostReturns = 16;  // calls of one line that are examined
constexpr std::size_t kMostWriters = 32;  // writes of a name in other frames that are examined
constexpr std::uint32_t kReturns = KindBit(Kind::kReturn) | KindBit(Kind::kYield);

// How the value came into the variable (PROTOCOL.md, "how").
enum class How { kComputed, kCopied, kPassed, kReturned, kPart, kElsewhere, kLost, kEntered };
std::string_view NameOf(How how) {
  switch (how) {
    case How::kComputed:
      return "computed";
    case How::kCopied:
      return "copied";
    case How::kPassed:
      return "passed";
    case How::kReturned:
      return "returned";
    case How::kPart:
      return "part";
    case How::kElsewhere:
      return "elsewhere";
    case How::kLost:
      return "lost";
    case How::kEntered:
      return "entered";
  }
  return {};
}

// A variable of a frame after an event.
struct Target {
  Position at;
  std::uint64_t frame = 0;
  std::string name;
};

// Whether the recording shows the same object, or equal values that have no id.
bool SameThing(const Value& a, const Value& b) {
  if (a.id != 0 || b.id != 0) return a.id == b.id;
  if (a.Is(kFormLost) || b.Is(kFormLost) || a.Is(kFormRedacted)) return false;
  return SameValue(a, b);
}
bool IsPartOf(const Value& part, const Value& whole) {
  const Value& inner = whole.Builtin();
  const auto is = [&](const ValuePtr& item) { return item != nullptr && SameThing(part, *item); };
  if (std::any_of(inner.items.begin(), inner.items.end(), is)) return true;
  return std::any_of(whole.attributes.begin(), whole.attributes.end(),
                     [&](const auto& attribute) { return is(attribute.second); });
}

class WhyProducer : public Producer {
 public:
  WhyProducer(Archive& archive, RunInfo run, std::string name, std::optional<std::uint64_t> frame)
      : archive_(archive), run_(std::move(run)), lines_(archive, run_.id) {
    target_.name = std::move(name);
    target_.frame = frame.value_or(0);
  }
  Status Open(const PlaceInRun& place, std::optional<std::uint32_t> thread) {
    auto search = PlaceSearch::Open(archive_, run_, place, thread);
    if (!search) return search.status();
    search_ = std::move(*search);
    return Status::Ok();
  }

  // Sends one link of the chain per step.
  Result<Next> Step(std::string* out) override {
    if (!begun_) {
      auto found = search_->Step();
      if (!found) return found.status();
      if (!*found) return Next::kMore;
      begun_ = true;
      target_.at = search_->position();
      if (Status status = Begin(); !status) return status;
    }
    auto more = SendLink(out);
    if (!more) return more.status();
    return *more && ++links_ < kMostLinks ? Next::kMore : Next::kDone;
  }
  std::string EndMembers() const override {
    return "\"count\":" + std::to_string(links_ + (done_ ? 1 : 0)) + ",\"chunks_read\":" + std::to_string(read_);
  }

 private:
  // A frame's variables and line at one event.
  struct FrameMoment {
    std::unique_ptr<StateReader> reader;
    const StateReader::Frame* frame = nullptr;
    const FrameVariables* variables = nullptr;
    const Value* Find(std::string_view name) const {
      if (variables == nullptr) return nullptr;
      for (const auto& [known, value] : *variables) {
        if (*known == name) return value.get();
      }
      return nullptr;
    }
  };
  struct Read {
    std::string name;
    ValuePtr value;
  };

  // One link of the chain: a write, and the origin of its value.
  struct Link {
    FrameMoment after;                 // the frame after the write
    Position at;                       // of the write
    Position line_at;                  // of the event at which its line began
    std::uint32_t line = 0;            // 0: unknown
    const CodeRecord* code = nullptr;  // of `after`; null: unknown
    const Value* value = nullptr;      // of `after`; null: unknown
    How how = How::kLost;
    std::vector<Read> reads;     // variables that the line read
    std::string function;        // that returned the value; empty: none
    std::optional<Target> next;  // the origin; nullopt: the chain ends
  };

  Status Begin();
  Result<bool> SendLink(std::string* out);
  Result<Link> FindLink();
  Status TraceArgument(const FoundEvent& write, Link* link);
  Status TraceLine(const FoundEvent& write, Link* link);
  void WriteLink(const Link& link, std::string* out);
  Result<FrameMoment> ReadMoment(const Position& position, std::uint64_t frame);
  Result<std::optional<FoundEvent>> FindBefore(const Position& position, Wanted wanted, std::uint64_t until = 0);
  Result<std::optional<Target>> FindAmongReads(const Position& at, std::uint64_t frame, std::uint32_t line,
                                               const Value& value, std::vector<Read>* reads, How* how);
  Result<std::optional<Target>> FindAmongReturns(const FoundEvent& begin, const FoundEvent& end, const Value& value,
                                                 std::string* function, std::vector<Read>* reads);
  Result<std::optional<Target>> FindElsewhere(const Position& before, std::uint64_t frame, const std::string& name,
                                              const Value& value);
  bool Writes(const CodeRecord* code, std::uint32_t line, std::string_view name) const;

  Archive& archive_;
  const RunInfo run_;
  SourceLines lines_;
  std::unique_ptr<PlaceSearch> search_;
  Target target_;
  bool begun_ = false, done_ = false;
  std::size_t links_ = 0;   // sent, and continued by another one
  std::uint64_t read_ = 0;  // chunks
};

Result<WhyProducer::FrameMoment> WhyProducer::ReadMoment(const Position& position, std::uint64_t frame) {
  FrameMoment moment;
  auto reader = StateReader::Open(archive_, run_.id, position);
  if (!reader) return reader.status();
  for (;;) {
    auto there = (*reader)->Step();
    if (!there) return there.status();
    if (*there) break;
  }
  read_ += (*reader)->chunks_read();
  moment.reader = std::move(*reader);
  for (const StateReader::Frame& one : moment.reader->frames()) {
    if (one.frame == frame) moment.frame = &one;
  }
  moment.variables = moment.reader->Variables(frame);
  return moment;
}

// The last wanted event before a position, and from the seq `until` on.
Result<std::optional<FoundEvent>> WhyProducer::FindBefore(const Position& position, Wanted wanted,
                                                          std::uint64_t until) {
  auto threads = archive_.Threads(run_.id);
  if (!threads) return threads.status();
  for (const ThreadInfo& thread : *threads) {
    if (thread.thread != position.thread) continue;
    auto names = archive_.NamesOf(run_.id, thread.process);
    if (!names) return names.status();
    ThreadSearch search(archive_, run_.id, thread, std::move(wanted), std::move(*names), position.seq,
                        ThreadSearch::Direction::kBackward);
    search.EndAt(until);
    for (;;) {
      auto done = search.Step();
      if (!done) return done.status();
      if (!*done) continue;
      read_ += search.chunks_read();
      return search.found();
    }
  }
  return std::optional<FoundEvent>();
}

// Chooses the frame, and checks that it has the variable.
Status WhyProducer::Begin() {
  auto moment = ReadMoment(target_.at, target_.frame);
  if (!moment) return moment.status();
  const auto& frames = moment->reader->frames();
  if (target_.frame == 0 && !frames.empty()) target_.frame = frames.front().frame;
  const FrameVariables* variables = target_.frame == 0 ? nullptr : moment->reader->Variables(target_.frame);
  const bool known =
      variables != nullptr && std::any_of(variables->begin(), variables->end(), [&](const auto& variable) {
        return *variable.first == target_.name && variable.second != nullptr;
      });
  if (known) return Status::Ok();
  return Status(Code::kNotFound, "there is no variable '" + target_.name + "' at " + ToText(target_.at) +
                                     ": smiley-show " + run_.id + " --at " + ToText(target_.at) +
                                     " shows the variables");
}

bool WhyProducer::Writes(const CodeRecord* code, std::uint32_t line, std::string_view name) const {
  if (code == nullptr) return false;
  for (const CodeRecord::Line& one : code->lines) {
    if (one.line == line && std::find(one.writes.begin(), one.writes.end(), name) != one.writes.end()) return true;
  }
  return false;
}

// Collects the variables that a line reads, with their values before it ran. Returns the one that the value equals,
// or is part of.
Result<std::optional<Target>> WhyProducer::FindAmongReads(const Position& at, std::uint64_t frame, std::uint32_t line,
                                                          const Value& value, std::vector<Read>* reads, How* how) {
  auto moment = ReadMoment(at, frame);
  if (!moment) return moment.status();
  std::optional<Target> found;
  if (moment->frame == nullptr || moment->frame->code == nullptr || moment->variables == nullptr) return found;
  std::vector<std::string> names;
  for (const CodeRecord::Line& one : moment->frame->code->lines) {
    if (one.line != line) continue;
    for (const std::string& name : one.reads) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  for (const std::string& name : names) {
    for (const auto& [known, known_value] : *moment->variables) {
      if (*known != name || known_value == nullptr || known_value->Is(kFormUnbound)) continue;
      // Functions and modules that the line uses are no origin of its value.
      const std::string& type = known_value->type_name;
      if (type == "function" || type == "builtin" || type == "module" || type == "class" || type == "method")
        continue;
      reads->push_back({name, known_value});
    }
  }
  const auto take = [&](How which, const auto& fits) {
    if (found) return;
    for (const Read& read : *reads) {
      if (!fits(read)) continue;
      found = Target{at, frame, read.name};
      *how = which;
      return;
    }
  };
  take(How::kCopied, [&](const Read& read) { return SameThing(value, *read.value); });
  take(How::kPart, [&](const Read& read) { return IsPartOf(value, *read.value); });
  if (reads->size() == 1) take(How::kComputed, [](const Read&) { return true; });
  return found;
}

// Searches the calls of a line, between two events of its frame, for one that returned the value.
Result<std::optional<Target>> WhyProducer::FindAmongReturns(const FoundEvent& begin, const FoundEvent& end,
                                                            const Value& value, std::string* function,
                                                            std::vector<Read>* reads) {
  Position at = end.position;
  Wanted wanted;
  wanted.kinds = kReturns;
  wanted.most_open = begin.open + 1;
  std::optional<Target> none;
  for (std::size_t looked = 0; looked < kMostReturns; ++looked) {
    auto left = FindBefore(at, wanted, begin.position.seq + 1);
    if (!left) return left.status();
    if (!*left) return none;
    at = (*left)->position;
    if ((*left)->open != begin.open + 1 || (*left)->cbor.empty()) continue;
    std::size_t used = 0;
    const auto returned = DecodeValue((*left)->cbor, {}, &used);
    if (!returned || !SameThing(value, **returned)) continue;
    auto names = archive_.NamesOf(run_.id, (*left)->process);
    if (!names) return names.status();
    const CodeRecord* code = (*names)->FindCode((*left)->code);
    *function = code == nullptr ? "" : code->function;
    // The variable in the callee, at the line that returned it.
    How how = How::kReturned;
    auto target = FindAmongReads(at, (*left)->frame, (*left)->line, value, reads, &how);
    if (!target) return target.status();
    if (*target) return target;
    return std::optional<Target>(Target{at, (*left)->frame, ""});  // computed by the line itself
  }
  return none;
}

// Searches for the write of a name that this frame only read: a global, or a variable of an enclosing function.
Result<std::optional<Target>> WhyProducer::FindElsewhere(const Position& before, std::uint64_t frame,
                                                         const std::string& name, const Value& value) {
  Position at = before;
  Wanted wanted;
  wanted.variable = name;
  std::optional<Target> none;
  for (std::size_t looked = 0; looked < kMostWriters; ++looked) {
    auto write = FindBefore(at, wanted);
    if (!write) return write.status();
    if (!*write) return none;
    at = (*write)->position;
    if ((*write)->frame == frame || (*write)->frame == 0) continue;
    Wanted same_frame;
    same_frame.frame = (*write)->frame;
    auto writer = FindBefore(at, same_frame);
    if (!writer) return writer.status();
    auto names = archive_.NamesOf(run_.id, (*write)->process);
    if (!names) return names.status();
    if (!*writer || !Writes((*names)->FindCode((*write)->code), (*writer)->line, name)) continue;
    auto moment = ReadMoment(at, (*write)->frame);
    if (!moment) return moment.status();
    const Value* there = moment->Find(name);
    if (there != nullptr && SameThing(value, *there)) return std::optional<Target>(Target{at, (*write)->frame, name});
  }
  return none;
}

// The write that gave the target its value, and the origin of that value.
Result<WhyProducer::Link> WhyProducer::FindLink() {
  Wanted written;
  written.frame = target_.frame;
  written.variable = target_.name;
  auto write = FindBefore({target_.at.thread, target_.at.seq + 1}, written);
  if (!write) return write.status();
  done_ = !*write;
  Link link;
  link.at = *write ? (*write)->position : target_.at;
  link.line_at = link.at;
  auto after = ReadMoment(link.at, target_.frame);
  if (!after) return after.status();
  link.after = std::move(*after);
  link.value = link.after.Find(target_.name);
  if (link.after.frame != nullptr) {
    link.line = link.after.frame->line;
    link.code = link.after.frame->code;
  }
  if (!*write || link.value == nullptr || link.value->Is(kFormLost)) {
    link.how = How::kLost;
    return link;
  }
  const Status traced = (*write)->kind == Kind::kCall ? TraceArgument(**write, &link) : TraceLine(**write, &link);
  if (!traced) return traced;
  return link;
}

// The origin of a parameter's value: a variable of the caller's line that made the call.
Status WhyProducer::TraceArgument(const FoundEvent& write, Link* link) {
  link->how = How::kEntered;
  if (write.open < 2) return Status::Ok();
  Wanted caller;
  caller.in_frame = true;
  caller.most_open = write.open - 1;
  auto call = FindBefore(link->at, caller);
  if (!call) return call.status();
  if (!*call || (*call)->frame == 0) return Status::Ok();
  link->how = How::kPassed;
  How by = How::kPassed;
  auto from = FindAmongReads((*call)->position, (*call)->frame, (*call)->line, *link->value, &link->reads, &by);
  if (!from) return from.status();
  link->next = std::move(*from);
  if (link->next) return Status::Ok();
  auto elsewhere = FindElsewhere(link->at, target_.frame, target_.name, *link->value);
  if (!elsewhere) return elsewhere.status();
  if (*elsewhere) link->how = How::kElsewhere;
  link->next = std::move(*elsewhere);
  return Status::Ok();
}

// The origin of a value that a line wrote. The line is that of the frame's event before the write: the frame's next
// event records the effects of a line.
Status WhyProducer::TraceLine(const FoundEvent& write, Link* link) {
  link->how = How::kComputed;
  Wanted same_frame;
  same_frame.frame = target_.frame;
  auto before = FindBefore(link->at, same_frame);
  if (!before) return before.status();
  if (!*before) return Status::Ok();
  link->line_at = (*before)->position;
  if ((*before)->line != 0) link->line = (*before)->line;
  const bool known_lines = link->code != nullptr && !link->code->lines.empty();
  if (known_lines && !Writes(link->code, link->line, target_.name)) {
    link->how = How::kElsewhere;
    auto elsewhere = FindElsewhere(link->at, target_.frame, target_.name, *link->value);
    if (!elsewhere) return elsewhere.status();
    link->next = std::move(*elsewhere);
    return Status::Ok();
  }
  auto returned = FindAmongReturns(**before, write, *link->value, &link->function, &link->reads);
  if (!returned) return returned.status();
  if (*returned) {
    link->how = How::kReturned;
    if (!(*returned)->name.empty()) link->next = std::move(*returned);
    return Status::Ok();
  }
  auto from = FindAmongReads(link->line_at, target_.frame, link->line, *link->value, &link->reads, &link->how);
  if (!from) return from.status();
  link->next = std::move(*from);
  return Status::Ok();
}

void WhyProducer::WriteLink(const Link& link, std::string* out) {
  JsonObject o(out);
  o.Text("type", "why").Text("name", target_.name).Text("how", NameOf(link.how));
  o.Text("position", ToText(link.at)).Text("line_position", ToText(link.line_at)).Number("thread", link.at.thread);
  if (target_.frame != 0) o.Number("frame", target_.frame);
  AppendWhere(&o, &lines_, link.code, link.line);
  if (link.value != nullptr) {
    std::string json;
    AppendJson(&json, *link.value, link.value->read_at);
    o.Raw("value", json);
  }
  if (!link.function.empty()) o.Text("returned_by", link.function);
  std::string list = "[";
  for (const Read& read : link.reads) {
    if (list.size() > 1) list += ',';
    JsonObject r(&list);
    std::string json;
    AppendJson(&json, *read.value, read.value->read_at);
    r.Text("name", read.name).Raw("value", json);
    if (read.value->read_at.seq != 0) {
      r.Text("written", ToText({read.value->read_at.thread, read.value->read_at.seq}));
    }
    r.End();
  }
  o.Raw("reads", list + "]");
  o.End();
  *out += '\n';
}

// Sends the target's link and makes its origin the next target. False: the chain ends.
Result<bool> WhyProducer::SendLink(std::string* out) {
  auto link = FindLink();
  if (!link) return link.status();
  WriteLink(*link, out);
  // A variable that is its own origin (i = i) would repeat without end: each link must go back in time.
  const bool same = link->next && link->next->frame == target_.frame && link->next->name == target_.name &&
                    link->next->at == target_.at;
  if (!link->next || same) {
    done_ = true;
    return false;
  }
  target_ = std::move(*link->next);
  return true;
}

}  // namespace

Reply AnswerWhy(const Services& services, const Request& request) {
  const auto selector = request.NeedText("run");
  const auto at = request.NeedText("at");
  const auto name = request.NeedText("name");
  const auto thread = request.Integer("thread", 1, UINT32_MAX);
  const auto frame = request.Integer("frame", 1, INT64_MAX);
  for (const Status& status : {selector.status(), at.status(), name.status(), thread.status(), frame.status()}) {
    if (!status) return Refuse(status);
  }
  const auto place = ParsePlace(*at);
  if (!place) return Refuse(place.status());
  auto run = SelectRun(services.archive, *selector);
  if (!run) return Refuse(run.status());
  std::optional<std::uint32_t> only;
  if (thread->has_value()) only = static_cast<std::uint32_t>(**thread);
  std::optional<std::uint64_t> which;
  if (frame->has_value()) which = static_cast<std::uint64_t>(**frame);
  auto producer = std::make_unique<WhyProducer>(services.archive, std::move(*run), *name, which);
  Reply reply;
  reply.status = producer->Open(*place, only);
  if (reply.status.ok()) reply.stream = std::move(producer);
  return reply;
}

}  // namespace smiley::daemon
