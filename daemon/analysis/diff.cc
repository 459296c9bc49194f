#include "daemon/analysis/diff.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "daemon/analysis/diff_align.h"
#include "shm/kind_names.h"

namespace smiley::daemon {
namespace {

using shm::Kind;

constexpr std::size_t kAtOnce = 512;
constexpr std::size_t kShownFrames = 40;  // innermost frames of a stack that are shown
constexpr std::size_t kShownNames = 8;

std::string_view ValueName(Kind kind) {
  switch (kind) {
    case Kind::kReturn:
      return "(returned)";
    case Kind::kYield:
      return "(yielded)";
    case Kind::kResume:
      return "(sent)";
    case Kind::kStdout:
    case Kind::kStderr:
      return "(written)";
    default:
      return "(value)";
  }
}
std::uint64_t Mix(std::uint64_t a, std::uint64_t b) { return (a ^ (b >> 7)) * 0x9E3779B97F4A7C15u + b + (a >> 29); }

}  // namespace

std::string_view DiffKindName(DiffKind kind) {
  switch (kind) {
    case DiffKind::kException:
      return "exception";
    case DiffKind::kCalls:
      return "calls";
    case DiffKind::kFlow:
      return "flow";
    case DiffKind::kValue:
      return "value";
    case DiffKind::kThread:
      return "thread";
  }
  return "";
}

std::uint64_t* DifferenceBook::Add(Difference difference) {
  ++total_;
  const auto place = [](const DiffSpot& spot) {
    return spot.there ? spot.file + "\n" + spot.function + "\n" + std::to_string(spot.line) + spot.event
                      : std::string("-");
  };
  std::string key =
      std::string(DiffKindName(difference.kind)) + "\n" + place(difference.a) + "\n" + place(difference.b);
  for (const DiffName& name : difference.names) key += "\n" + name.name;
  const auto at = groups_.find(key);
  if (at != groups_.end()) {
    ++at->second.count;
    at->second.events += difference.events;
    return &at->second.count;
  }
  if (groups_.size() >= kMaxGroups) return nullptr;
  difference.count = 1;
  difference.order = ++orders_;
  difference.pair = pair_;
  return &groups_.emplace(std::move(key), std::move(difference)).first->second.count;
}

std::vector<const Difference*> DifferenceBook::Ordered() const {
  std::vector<const Difference*> all;
  for (const auto& [key, difference] : groups_) all.push_back(&difference);
  if (all.empty()) return all;
  const auto since = [&](const Difference* d) {
    return d->a.there ? d->a.time_ns - a_start_ns_ : d->b.time_ns - b_start_ns_;
  };
  std::map<std::size_t, const Difference*> firsts;  // by pair
  for (const Difference* difference : all) {
    const Difference*& first = firsts[difference->pair];
    if (first == nullptr || difference->order < first->order) first = difference;
  }
  const auto earliest = std::min_element(
      firsts.begin(), firsts.end(), [&](const auto& x, const auto& y) { return since(x.second) < since(y.second); });
  std::iter_swap(all.begin(), std::find(all.begin(), all.end(), earliest->second));
  std::sort(all.begin() + 1, all.end(), [](const Difference* x, const Difference* y) {
    return std::tuple(x->kind, y->events, y->count, x->order) < std::tuple(y->kind, x->events, x->count, y->order);
  });
  return all;
}

// One step of a frame: an event of its own, or a whole call.
struct ThreadDiff::Token {
  std::uint64_t flow = 0, contents = 0;
  std::uint64_t head = 0;  // hash of the flow of its first event
  bool call = false, leaves = false;
  std::uint64_t events = 1;
  DiffEvent first;  // of a call without values
};

struct ThreadDiff::Half {
  DiffSide side;
  std::unique_ptr<DiffReader> reader;
  DiffEvent next;
  bool have = false, ended = false;
  std::vector<DiffStackFrame> outer;  // frames further out than the job
  // While parted: the steps of the frame at this depth (the number of open frames, its own included).
  std::size_t depth = 0;
  std::vector<Token> window;
  bool complete = false;          // the frame was left, or there are no more events
  std::vector<DiffFrame> frames;  // frames open when the flow parted

  bool Full() const {
    if (complete) return true;
    return window.size() >= kWindow && (!window.back().call || window.back().leaves);
  }
  bool Peek() {
    if (!have && !ended) {
      have = reader->Next(&next);
      ended = !have;
    }
    return have;
  }
};

ThreadDiff::ThreadDiff(DiffSide a, DiffSide b, const DiffOptions& options, DifferenceBook* book)
    : options_(options),
      book_(book),
      a_(std::make_unique<Half>(Half{std::move(a), {}, {}, false, false, {}, 0, {}, false, {}})),
      b_(std::make_unique<Half>(Half{std::move(b), {}, {}, false, false, {}, 0, {}, false, {}})) {
  jobs_.push_back({});
}
ThreadDiff::~ThreadDiff() = default;

std::vector<DiffStackFrame> ThreadDiff::StackOf(const Half& half, const std::vector<DiffFrame>& open) {
  std::vector<DiffStackFrame> stack = half.outer;
  for (const DiffFrame& frame : open) {
    if (frame.code == nullptr) {
      stack.push_back({"<unknown>", "", frame.line});
    } else {
      stack.push_back({frame.code->function, frame.code->file, frame.line});
    }
  }
  if (stack.size() > kShownFrames) stack.erase(stack.begin(), stack.end() - kShownFrames);
  return stack;
}

DiffSpot ThreadDiff::SpotOf(const Half& half, const DiffEvent& event) const {
  DiffSpot spot;
  spot.there = true;
  spot.thread = event.event.thread;
  spot.seq = event.event.seq;
  spot.time_ns = event.event.time_ns;
  spot.event = shm::KindName(event.event.kind);
  spot.line = event.event.line;
  if (event.event.code != nullptr) {
    spot.file = event.event.code->file;
    spot.function = event.event.code->function;
    spot.text = half.side.lines->Line(event.event.code->source, spot.line);
  }
  spot.exception = event.event.exception_type;
  spot.message = event.event.exception_message;
  return spot;
}

DiffSpot ThreadDiff::SpotOf(const Half& half, const Token& token) const {
  DiffSpot spot = SpotOf(half, token.first);
  spot.stack = StackOf(half, half.frames);
  return spot;
}

Status ThreadDiff::Begin(const Job& job) {
  whole_ = job.a == 0;
  for (auto [half, seq, stack] :
       {std::tuple(a_.get(), job.a, &job.a_stack), std::tuple(b_.get(), job.b, &job.b_stack)}) {
    auto reader =
        DiffReader::Open(half->side.archive, half->side.run, half->side.thread, seq, options_, half->side.lines);
    if (!reader) return reader.status();
    half->reader = std::move(*reader);
    half->have = half->ended = false;
    half->outer = *stack;
    half->window.clear();
    half->complete = false;
  }
  running_ = true;
  parted_ = false;
  return Status::Ok();
}

void ThreadDiff::EndJob() {
  running_ = false;
  const std::uint64_t read = a_->reader->events() + b_->reader->events();
  if (whole_) {
    events_ = read;
    lost_ = a_->reader->lost() + b_->reader->lost();
    budget_ = 3 * read + 1'000'000;
  } else {
    budget_ -= std::min(budget_, read);
  }
  a_->reader.reset();
  b_->reader.reset();
}

void ThreadDiff::AddValues(const DiffEvent& a, const DiffEvent& b) {
  std::uint64_t key = Mix(a.flow, parted_ ? 1 : 2);
  for (const DiffEvent* event : {&a, &b}) {
    std::uint64_t sum = 0;
    for (const auto& [name, hash] : event->news) sum += std::hash<std::string>()(*name);
    key = Mix(key, sum);
  }
  if (const auto at = known_.find(key); at != known_.end()) {
    book_->AddAgain(at->second);
    return;
  }
  Difference difference;
  difference.kind = DiffKind::kValue;
  difference.a = SpotOf(*a_, a);
  difference.b = SpotOf(*b_, b);
  const auto value_of = [](const DiffEvent& event, const std::string& name) -> ValuePtr {
    for (const auto& [known, value] : event.event.changed) {
      if (*known == name) return value;
    }
    return nullptr;
  };
  std::vector<std::string> names;
  for (const DiffEvent* event : {&a, &b}) {
    for (const auto& [name, hash] : event->news) {
      if (std::find(names.begin(), names.end(), *name) == names.end()) names.push_back(*name);
    }
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    DiffName one{name, value_of(a, name), value_of(b, name)};
    // Only one run recorded the value; the other run's value is the one before, when it is still known.
    if (one.a == nullptr && &a == &a_->next) one.a = a_->reader->Variable(name);
    if (one.b == nullptr && &b == &b_->next) one.b = b_->reader->Variable(name);
    if (one.a != nullptr && one.b != nullptr && HashContents(*one.a) == HashContents(*one.b)) continue;
    if (difference.names.size() < kShownNames) difference.names.push_back(std::move(one));
  }
  const bool one_value = (a.event.value == nullptr) != (b.event.value == nullptr);
  if (one_value || (a.event.value != nullptr && HashContents(*a.event.value) != HashContents(*b.event.value))) {
    difference.names.push_back({std::string(ValueName(a.event.kind)), a.event.value, b.event.value});
  }
  const bool messages = WithoutAddresses(a.event.exception_message) != WithoutAddresses(b.event.exception_message);
  if (difference.names.empty() && !messages) return;  // the runs only recorded it at different moments
  if (messages) difference.kind = DiffKind::kException;
  // The line before a line event made the changes that the event records.
  if (!parted_ && a.event.kind == Kind::kLine && !a_->reader->stack().empty() && !b_->reader->stack().empty()) {
    for (auto [half, spot] : {std::pair(a_.get(), &difference.a), std::pair(b_.get(), &difference.b)}) {
      const DiffFrame& frame = half->reader->stack().back();
      if (frame.code == nullptr) continue;
      spot->line = frame.ran;
      spot->text = half->side.lines->Line(frame.code->source, frame.ran);
    }
  }
  difference.a.stack = StackOf(*a_, parted_ ? a_->frames : a_->reader->stack());
  difference.b.stack = StackOf(*b_, parted_ ? b_->frames : b_->reader->stack());
  if (std::uint64_t* count = book_->Add(std::move(difference))) known_.emplace(key, count);
}

// Reads both threads while they do the same.
void ThreadDiff::ReadInStep() {
  const bool more_a = a_->Peek(), more_b = b_->Peek();
  if (!more_a && !more_b) {
    EndJob();
    return;
  }
  if (!more_a || !more_b || a_->next.flow != b_->next.flow || a_->next.depth != b_->next.depth) {
    BeginWindows();
    return;
  }
  if (a_->next.contents != b_->next.contents) AddValues(a_->next, b_->next);
  const bool done = !whole_ && a_->next.leaves() && a_->next.depth == 0;
  a_->have = b_->have = false;
  if (done) EndJob();
}

// Begins to collect the steps of the innermost common frame, where the flow parts.
void ThreadDiff::BeginWindows() {
  std::size_t depth = SIZE_MAX;
  for (Half* half : {a_.get(), b_.get()}) {
    if (!half->have) continue;
    const std::size_t open = half->next.enters() ? half->next.depth : half->next.depth + 1;
    depth = std::min(depth, open);
  }
  for (Half* half : {a_.get(), b_.get()}) {
    half->depth = depth;
    half->frames = half->reader->stack();
    if (half->frames.size() > depth) half->frames.resize(depth);
    half->window.clear();
    half->complete = false;
  }
  parted_ = true;
}

void ThreadDiff::Collect(Half* half) {
  for (std::size_t i = 0; i < kAtOnce && !half->Full(); ++i) {
    if (!half->Peek() || half->next.depth + 1 < half->depth) {
      half->complete = true;  // left without an event
      break;
    }
    const bool inside = half->next.depth >= half->depth;  // in a callee of the frame
    if (inside && !half->window.empty() && half->window.back().call && !half->window.back().leaves) {
      Token& token = half->window.back();
      token.flow = Mix(token.flow, half->next.flow + half->next.depth);
      token.contents = Mix(token.contents, half->next.contents);
      ++token.events;
      token.leaves = half->next.leaves() && half->next.depth == half->depth;  // the call has ended
      half->have = false;
      continue;
    }
    Token token;
    token.flow = token.head = half->next.flow;
    token.contents = half->next.contents;
    token.call = inside;
    token.first = half->next;
    token.leaves = !inside && half->next.leaves();
    if (inside) {
      token.flow = Mix(token.flow, half->next.depth);
      token.first.event.changed.clear();
      token.first.event.value = nullptr;
    }
    half->have = false;
    half->complete = token.leaves;
    half->window.push_back(std::move(token));
  }
}

void ThreadDiff::AddOneSided(const Token* a, const Token* b) {
  Difference difference;
  if (a != nullptr) difference.a = SpotOf(*a_, *a);
  if (b != nullptr) difference.b = SpotOf(*b_, *b);
  const bool exception =
      (a != nullptr && HasException(a->first.event.kind)) || (b != nullptr && HasException(b->first.event.kind));
  const bool call = (a != nullptr && a->call) || (b != nullptr && b->call);
  difference.kind = exception ? DiffKind::kException : call ? DiffKind::kCalls : DiffKind::kFlow;
  difference.events = (a != nullptr ? a->events : 0) + (b != nullptr ? b->events : 0);
  book_->Add(std::move(difference));
}

void ThreadDiff::LookInto(const Token& a, const Token& b) {
  if (jobs_.size() >= kMaxJobs) {
    ++skipped_;
    return;
  }
  Job job;
  job.a = a.first.event.seq;
  job.b = b.first.event.seq;
  job.a_stack = SpotOf(*a_, a).stack;
  job.b_stack = SpotOf(*b_, b).stack;
  jobs_.push_back(std::move(job));
}

// Compares two steps with the same flow.
void ThreadDiff::Compare(const Token& a, const Token& b) {
  if (a.contents == b.contents) return;
  if (a.call) {
    LookInto(a, b);
  } else {
    AddValues(a.first, b.first);
  }
}

// Handles the steps between two aligned ones: calls of the same function are compared inside later, other steps are
// on one side only.
void ThreadDiff::CompareGap(std::size_t a, std::size_t a_end, std::size_t b, std::size_t b_end) {
  std::vector<std::uint64_t> heads_a, heads_b;
  for (std::size_t i = a; i < a_end; ++i)
    heads_a.push_back(a_->window[i].call ? a_->window[i].head : Mix(a_->window[i].head, i * 2 + 1));
  for (std::size_t i = b; i < b_end; ++i)
    heads_b.push_back(b_->window[i].call ? b_->window[i].head : Mix(b_->window[i].head, i * 2 + 2));
  const auto pairs = Align(heads_a, heads_b);
  std::size_t at_a = a, at_b = b;
  const auto rest = [&](std::size_t to_a, std::size_t to_b) {
    while (at_a < to_a || at_b < to_b) {
      const Token* of_a = at_a < to_a ? &a_->window[at_a++] : nullptr;
      const Token* of_b = at_b < to_b ? &b_->window[at_b++] : nullptr;
      AddOneSided(of_a, of_b);
    }
  };
  for (const auto& [i, j] : pairs) {
    rest(a + i, b + j);
    LookInto(a_->window[a + i], b_->window[b + j]);
    at_a = a + i + 1;
    at_b = b + j + 1;
  }
  rest(a_end, b_end);
}

void ThreadDiff::AlignWindows() {
  std::vector<std::uint64_t> flow_a, flow_b;
  for (const Token& token : a_->window) flow_a.push_back(token.flow);
  for (const Token& token : b_->window) flow_b.push_back(token.flow);
  const auto pairs = Align(flow_a, flow_b);
  const bool last = a_->complete && b_->complete;
  std::size_t at_a = 0, at_b = 0;
  for (const auto& [i, j] : pairs) {
    CompareGap(at_a, i, at_b, j);
    Compare(a_->window[i], b_->window[j]);
    at_a = i + 1;
    at_b = j + 1;
  }
  // Steps behind the last pair may match steps of the next window. A window that would not advance is given up.
  if (last || (at_a == 0 && at_b == 0)) {
    CompareGap(at_a, a_->window.size(), at_b, b_->window.size());
    at_a = a_->window.size();
    at_b = b_->window.size();
  }
  a_->window.erase(a_->window.begin(), a_->window.begin() + static_cast<std::ptrdiff_t>(at_a));
  b_->window.erase(b_->window.begin(), b_->window.begin() + static_cast<std::ptrdiff_t>(at_b));
  if (!last) return;
  // Both have left the frame: continue in its caller when the job includes it.
  parted_ = false;
  if (!whole_ && a_->depth <= 1) EndJob();
}

Result<bool> ThreadDiff::Step() {
  for (std::size_t i = 0; i < kAtOnce; ++i) {
    if (!running_) {
      if (jobs_.empty()) return false;
      const Job job = std::move(jobs_.front());
      jobs_.pop_front();
      if (job.a != 0 && budget_ == 0) {
        ++skipped_;
        continue;
      }
      if (Status status = Begin(job); !status) return status;
    }
    if (!parted_) {
      ReadInStep();
      continue;
    }
    Collect(a_.get());
    Collect(b_.get());
    if (a_->Full() && b_->Full()) AlignWindows();
    return true;
  }
  return true;
}

}  // namespace smiley::daemon
