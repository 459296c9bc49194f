#include "daemon/events/decoder.h"

#include <algorithm>
#include <cstring>

#include "daemon/events/decoder_frames.h"
#include "daemon/events/thread_words.h"
#include "shm/base/requires.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

using shm::Kind;

constexpr std::size_t kMaxStack = 1u << 20;  // deeper frames are only counted

struct OpenCall {
  std::uint64_t frame = 0;
  std::uint32_t code = 0, line = 0;
};

struct DecodedThread {
  std::uint32_t process = 0, number = 0;
  ThreadWords words;
  std::vector<OpenCall> stack;  // outermost first
  std::uint32_t hidden = 0;     // open frames further out, not known
  std::uint64_t last_frame = 0;
  std::uint64_t epoch = 0;  // number of gaps so far
  std::uint32_t task = 0;
  bool synced = false;
};

template <typename T>
class Cache {
 public:
  template <typename Find>
  const T* Get(std::uint32_t id, const Find& find) {
    if (id < known_.size() && known_[id] != nullptr) return known_[id];
    const T* found = find(id);
    if (found == nullptr) return nullptr;
    if (id >= known_.size()) known_.resize(std::max<std::size_t>(id + 1, known_.size() * 2));
    return known_[id] = found;
  }

 private:
  std::vector<const T*> known_;
};

}  // namespace

struct Decoder::State {
  std::shared_ptr<const Names> names;
  std::unordered_map<std::uint32_t, std::unique_ptr<DecodedThread>> threads;
  DecodedThread* current = nullptr;
  FrameTable frames;
  std::vector<std::uint64_t> ended;  // frames that the latest event ended
  Cache<CodeRecord> codes;
  Cache<std::string> strings;
  std::unordered_map<const std::string*, std::uint32_t> string_ids;
  std::uint64_t serial = 0;
  std::uint64_t damaged = 0, unresolved = 0;
  std::vector<std::uint64_t> changed_frames;
  bool keeps_changed = false;
  FrameLoader load;
  std::uint64_t load_epoch = 0;

  DecodedThread* FindThread(std::uint32_t number) {
    if (current != nullptr && current->number == number) return current;
    const auto at = threads.find(number);
    return at == threads.end() ? nullptr : at->second.get();
  }

  const CodeRecord* Code(std::uint32_t id) {
    if (id == 0) return nullptr;
    const CodeRecord* code = codes.Get(id, [this](std::uint32_t i) { return names->FindCode(i); });
    if (code == nullptr) ++unresolved;
    return code;
  }
  const std::string* String(std::uint32_t id) {
    const std::string* text = strings.Get(id, [this](std::uint32_t i) {
      const std::string* found = names->FindString(i);
      if (found != nullptr) string_ids.try_emplace(found, i);
      return found;
    });
    if (text == nullptr) ++unresolved;
    return text;
  }

  // A frame from before the snapshot at which decoding began is loaded when it is first needed.
  FrameState* FindFrame(std::uint64_t frame) {
    FrameState* state = frames.Find(frame);
    if (state != nullptr || load == nullptr) return state;
    FrameSnapshot was;
    if (!load(frame, &was)) return nullptr;
    FrameState& made = frames.Get(frame);
    made.line = was.line;
    made.thread = current->number;
    made.epoch = load_epoch;
    for (auto& [id, value] : was.variables) {
      const std::string* name = String(id);
      if (name == nullptr) continue;
      const std::size_t slot = made.Slot(name);
      made.variables[slot].second = was.epoch == load_epoch ? std::move(value) : MakeLost();
    }
    return &made;
  }
  void NoteChanged(std::uint64_t frame, FrameState& state) {
    if (!keeps_changed || state.changed) return;
    state.changed = true;
    changed_frames.push_back(frame);
  }

  // The thread that wrote the frame has lost events since: the values are unknown.
  void Refresh(FrameState& state) {
    const DecodedThread* writer = FindThread(state.thread);
    if (writer == nullptr || writer->epoch == state.epoch) return;
    for (auto& variable : state.variables) variable.second = MakeLost();
    state.epoch = writer->epoch;
  }

  void Sync(DecodedThread& thread, const RawEvent& raw);
  void Enter(DecodedThread& thread, const RawEvent& raw);
  void Locate(DecodedThread& thread, const RawEvent& raw, Event* event);
  void Fold(DecodedThread& thread, const RawEvent& raw, Event* event);
  void Change(FrameState* state, const Attachment& attachment, Event* event);
  ValuePtr Decode(const Attachment& attachment, ReadAt at);
  void ReadException(const Attachment& attachment, Event* event);
  void Leave(DecodedThread& thread, const RawEvent& raw, Event* event);
  void Emit(DecodedThread& thread, Event* event);
};

// Compares the stack with the header at the beginning of a piece, and takes the header's frames when they differ.
void Decoder::State::Sync(DecodedThread& thread, const RawEvent& raw) {
  if (raw.gap && thread.synced) ++thread.epoch;
  if (raw.opens == nullptr) return;
  const shm::BlockHeader& header = raw.opens->state;
  const std::uint32_t shown = std::min({header.shown, header.depth, static_cast<std::uint32_t>(shm::kShownFrames)});
  bool same = thread.synced && thread.hidden + thread.stack.size() == header.depth;
  for (std::uint32_t i = 0; same && i < shown && i < thread.stack.size(); ++i) {
    const OpenCall& mine = thread.stack[thread.stack.size() - 1 - i];
    same = mine.frame == header.frames[i].frame && mine.code == header.frames[i].code;
  }
  if (!thread.synced || raw.gap || !same) thread.last_frame = header.last_frame;
  thread.synced = true;
  if (same) return;
  const std::vector<OpenCall> before = std::move(thread.stack);
  thread.stack.clear();
  thread.hidden = header.depth - shown;
  for (std::uint32_t i = shown; i > 0; --i) {
    const shm::OpenFrame& open = header.frames[i - 1];
    thread.stack.push_back({open.frame, open.code, open.line});
  }
  // A frame that is no longer on the stack has ended or is suspended; keep it as suspended.
  for (const OpenCall& call : before) {
    const bool still = std::any_of(thread.stack.begin(), thread.stack.end(),
                                   [&](const OpenCall& open) { return open.frame == call.frame; });
    if (!still) frames.Suspend(call.frame);
  }
}

// Pushes the frame of a call, resume or throw.
void Decoder::State::Enter(DecodedThread& thread, const RawEvent& raw) {
  OpenCall call;
  call.code = raw.id;
  call.frame = raw.kind == Kind::kCall ? thread.last_frame + 1 : 0;
  for (const Attachment& attachment : raw.attachments) {
    if (attachment.kind == Kind::kFrame && attachment.bytes.size() == shm::kWordBytes) {
      std::memcpy(&call.frame, attachment.bytes.data(), shm::kWordBytes);
    }
  }
  if (raw.kind == Kind::kCall) {
    thread.last_frame = call.frame;
    if (load != nullptr) frames.Get(call.frame);  // a new frame: nothing to load
  } else if (const FrameState* state = FindFrame(call.frame)) {
    call.line = state->line;
    frames.Resume(call.frame);
  }
  if (thread.stack.size() >= kMaxStack) {
    const auto half = thread.stack.begin() + kMaxStack / 2;
    for (auto at = thread.stack.begin(); at != half; ++at) frames.Forget(at->frame);
    thread.stack.erase(thread.stack.begin(), half);
    thread.hidden += kMaxStack / 2;
  }
  thread.stack.push_back(call);
}

void Decoder::State::Locate(DecodedThread& thread, const RawEvent& raw, Event* event) {
  if (!HappensInFrame(raw.kind)) return;
  const bool known = !thread.stack.empty();
  const std::size_t open = thread.hidden + thread.stack.size();
  event->depth = open > 0 ? static_cast<std::uint32_t>(open - 1) : 0;
  std::uint32_t last_line = 0;
  if (known) {
    OpenCall& top = thread.stack.back();
    if (raw.kind == Kind::kLine) top.line = raw.id;
    last_line = top.line;
    event->frame = top.frame;
    event->code = Code(top.code);
    if (thread.stack.size() > 1) event->parent = thread.stack[thread.stack.size() - 2].frame;
  } else {
    if (open == 0 && IsControlFlow(raw.kind)) ++damaged;  // an event of a frame where none is open
    for (const Attachment& attachment : raw.attachments) {
      if (attachment.kind == Kind::kCode) event->code = Code(attachment.id);
    }
  }
  const std::uint32_t first_line = event->code != nullptr ? event->code->first_line : 0;
  if (raw.kind == Kind::kCall) {
    event->line = first_line;
  } else if (HasLine(raw.kind) && raw.id != 0) {
    event->line = raw.id;
  } else {
    event->line = last_line != 0 ? last_line : first_line;
  }
}

ValuePtr Decoder::State::Decode(const Attachment& attachment, ReadAt at) {
  std::size_t used = 0;
  auto value = DecodeValue(attachment.bytes, at, attachment.is_inline ? &used : nullptr);
  if (value) return std::move(*value);
  ++damaged;
  return MakeLost();
}

void Decoder::State::Change(FrameState* state, const Attachment& attachment, Event* event) {
  const std::string* name = String(attachment.id);
  if (name == nullptr) return;
  const ReadAt at{event->thread, event->seq};
  ValuePtr value;
  const std::size_t slot = state != nullptr ? state->Slot(name) : 0;
  if (attachment.kind == Kind::kSet) {
    value = Decode(attachment, at);
  } else if (attachment.kind == Kind::kUnset) {
    value = MakeUnbound();
  } else if (state != nullptr) {
    std::size_t* index = state->ChangeOf(slot, serial);
    if (*index != SIZE_MAX) event->changed[*index].second = nullptr;  // so that the patch can change it in place
    std::string_view patch = attachment.bytes;
    if (attachment.is_inline) {
      shm::CborReader reader(patch);
      if (reader.Skip()) patch = patch.substr(0, reader.consumed());
    }
    auto patched = ApplyPatch(std::move(state->variables[slot].second), patch, at);
    if (!patched) ++damaged;
    value = patched ? std::move(*patched) : MakeLost();
  } else {
    value = MakeLost();
  }
  if (state == nullptr) {
    constexpr std::size_t kScanned = 256;
    const std::size_t scanned = std::min(event->changed.size(), kScanned);
    for (std::size_t i = 0; i < scanned; ++i) {
      if (event->changed[i].first != name) continue;
      event->changed[i].second = std::move(value);
      return;
    }
    event->changed.emplace_back(name, std::move(value));
    return;
  }
  state->variables[slot].second = value;
  std::size_t* index = state->ChangeOf(slot, serial);
  if (*index == SIZE_MAX) {
    *index = event->changed.size();
    event->changed.emplace_back(name, std::move(value));
  } else {
    event->changed[*index].second = std::move(value);
  }
}

void Decoder::State::ReadException(const Attachment& attachment, Event* event) {
  shm::CborReader reader(attachment.bytes);
  std::uint64_t count = 0;
  std::string_view type;
  if (!reader.ReadArray(&count) || count < 1 || count > 2 || !reader.ReadTextOrBytes(&type) || type.empty()) {
    ++damaged;
    return;
  }
  event->exception_type = type;
  if (count < 2) return;
  std::size_t used = 0;
  const auto message = DecodeValue(reader.rest(), {}, &used);
  if (!message) {
    ++damaged;
  } else if ((*message)->IsStr() || (*message)->IsBytes()) {
    event->exception_message = (*message)->text;
  }
}

void Decoder::State::Fold(DecodedThread& thread, const RawEvent& raw, Event* event) {
  FrameState* state = nullptr;
  for (const Attachment& attachment : raw.attachments) {
    switch (attachment.kind) {
      case Kind::kSet:
      case Kind::kPatch:
      case Kind::kUnset:
        if (state == nullptr && event->frame != 0 && raw.kind != Kind::kMark) {
          state = FindFrame(event->frame);
          if (state == nullptr) state = &frames.Get(event->frame);
          if (state->thread != 0) Refresh(*state);
          state->thread = thread.number;
          state->epoch = thread.epoch;
          NoteChanged(event->frame, *state);
        }
        Change(state, attachment, event);
        break;
      case Kind::kValue:
      case Kind::kText:
        event->value = Decode(attachment, {event->thread, event->seq});
        break;
      case Kind::kException:
        ReadException(attachment, event);
        break;
      default:
        break;
    }
  }
}

// Pops the frame of a return, yield or unwind.
void Decoder::State::Leave(DecodedThread& thread, const RawEvent& raw, Event* event) {
  if (raw.kind == Kind::kThreadEnd) {
    for (const OpenCall& call : thread.stack) ended.push_back(call.frame);
    thread.stack = {};
    thread.hidden = 0;
    thread.task = 0;
    return;
  }
  if (!LeavesFrame(raw.kind)) return;
  if (thread.stack.empty()) {
    if (thread.hidden > 0) --thread.hidden;
    return;
  }
  thread.stack.pop_back();
  if (raw.kind != Kind::kYield) {
    ended.push_back(event->frame);
  } else if (event->frame != 0) {
    FindFrame(event->frame);
    FrameState& state = frames.Get(event->frame);
    NoteChanged(event->frame, state);
    if (state.thread == 0) {
      state.thread = thread.number;
      state.epoch = thread.epoch;
    }
    state.line = event->line;
    frames.Suspend(event->frame);
  }
}

void Decoder::State::Emit(DecodedThread& thread, Event* event) {
  const RawEvent& raw = *thread.words.Peek();
  for (const std::uint64_t frame : ended) frames.Forget(frame);
  ended.clear();
  ++serial;
  event->process = thread.process;
  event->thread = thread.number;
  event->seq = raw.seq;
  event->time_ns = raw.time_ns;
  event->kind = raw.kind;
  event->code = nullptr;
  event->line = 0;
  event->frame = event->parent = 0;
  event->depth = 0;
  event->propagated = raw.kind == Kind::kRaise && (raw.flags & shm::kFlagPropagated) != 0;
  event->changed.clear();
  event->value = nullptr;
  event->exception_type.clear();
  event->exception_message.clear();
  event->lost_count = raw.lost_count;
  event->lost_first_ns = raw.lost_first_ns;
  event->lost_last_ns = raw.lost_last_ns;

  Sync(thread, raw);
  if (EntersFrame(raw.kind)) Enter(thread, raw);
  if (raw.kind == Kind::kTask) thread.task = raw.id == 0 ? 0 : names->FindTask(raw.id);
  if (raw.kind == Kind::kLost) ++thread.epoch;
  event->task = thread.task;
  Locate(thread, raw, event);
  Fold(thread, raw, event);
  const bool named = HasName(raw.kind);
  if (named && event->value == nullptr) {
    if (const std::string* name = String(raw.id)) event->value = MakeStr(*name, {event->thread, event->seq});
  }
  Leave(thread, raw, event);
  thread.words.Take();
}

Decoder::Decoder(std::shared_ptr<const Names> names) : state_(std::make_unique<State>()) {
  state_->names = std::move(names);
}
Decoder::~Decoder() = default;

void Decoder::Start(PiecePtr piece) {
  DecodedThread* thread = state_->FindThread(piece->thread);
  if (thread == nullptr) {
    auto made = std::make_unique<DecodedThread>();
    made->number = piece->thread;
    thread = made.get();
    state_->threads.emplace(piece->thread, std::move(made));
  }
  thread->process = piece->process;
  state_->current = thread;
  thread->words.Start(std::move(piece));
}

bool Decoder::Next(Event* event) {
  if (state_->current == nullptr || state_->current->words.Peek() == nullptr) return false;
  state_->Emit(*state_->current, event);
  return true;
}

bool Decoder::Next(std::uint32_t thread, Event* event) {
  DecodedThread* found = state_->FindThread(thread);
  if (found == nullptr || found->words.Peek() == nullptr) return false;
  state_->Emit(*found, event);
  return true;
}

bool Decoder::Peek(std::uint32_t thread, std::int64_t* time_ns, std::uint64_t* seq) {
  DecodedThread* found = state_->FindThread(thread);
  const RawEvent* raw = found == nullptr ? nullptr : found->words.Peek();
  if (raw == nullptr) return false;
  *time_ns = raw->time_ns;
  *seq = raw->seq;
  return true;
}

bool Decoder::Finish(std::uint32_t thread) {
  DecodedThread* found = state_->FindThread(thread);
  if (found == nullptr) return false;
  found->words.Finish();
  return found->words.Peek() != nullptr;
}

const std::vector<std::pair<const std::string*, ValuePtr>>* Decoder::Variables(std::uint64_t frame) const {
  FrameState* state = state_->FindFrame(frame);
  if (state == nullptr) return nullptr;
  state_->Refresh(*state);
  return &state->variables;
}

bool Decoder::HoldsBack(std::uint32_t thread) const {
  const DecodedThread* found = state_->FindThread(thread);
  return found != nullptr && found->words.waiting();
}

ThreadSnapshot Decoder::TakeSnapshot(std::uint32_t thread) const {
  ThreadSnapshot snapshot;
  const DecodedThread* found = state_->FindThread(thread);
  if (found == nullptr) return snapshot;
  snapshot.process = found->process;
  snapshot.thread = thread;
  snapshot.next_seq = found->words.next_seq();
  snapshot.last_frame = found->last_frame;
  snapshot.epoch = found->epoch;
  snapshot.task = found->task;
  snapshot.hidden = found->hidden;
  for (const OpenCall& call : found->stack) snapshot.stack.push_back({call.frame, call.code, call.line});
  return snapshot;
}

void Decoder::TakeChangedFrames(
    std::uint32_t thread, const std::function<void(std::uint64_t frame, const FrameSnapshot& variables)>& take) {
  for (const std::uint64_t frame : state_->ended) state_->frames.Forget(frame);
  state_->ended.clear();
  if (!state_->keeps_changed) {
    state_->keeps_changed = true;
    state_->frames.ForEach([this](std::uint64_t frame, FrameState& state) { state_->NoteChanged(frame, state); });
  }
  for (const std::uint64_t frame : state_->changed_frames) {
    state_->frames.With(frame, [&](FrameState& state) {  // not called for a frame that has ended
      state.changed = false;
      if (state.thread != thread) return;
      state_->Refresh(state);
      FrameSnapshot snapshot;
      snapshot.epoch = state.epoch;
      snapshot.line = state.line;
      for (const auto& [name, value] : state.variables) {
        const auto id = state_->string_ids.find(name);
        if (id != state_->string_ids.end() && value != nullptr) snapshot.variables.emplace_back(id->second, value);
      }
      take(frame, snapshot);
    });
  }
  state_->changed_frames.clear();
}

void Decoder::Restore(const ThreadSnapshot& snapshot, FrameLoader load) {
  SMILEY_REQUIRES(state_->FindThread(snapshot.thread) == nullptr);
  auto thread = std::make_unique<DecodedThread>();
  thread->process = snapshot.process;
  thread->number = snapshot.thread;
  thread->hidden = snapshot.hidden;
  thread->last_frame = snapshot.last_frame;
  thread->epoch = snapshot.epoch;
  thread->task = snapshot.task;
  thread->synced = true;
  thread->words.ContinueAt(snapshot.next_seq);
  for (const shm::OpenFrame& frame : snapshot.stack) thread->stack.push_back({frame.frame, frame.code, frame.line});
  state_->current = thread.get();
  state_->threads[snapshot.thread] = std::move(thread);
  state_->load = std::move(load);
  state_->load_epoch = snapshot.epoch;
}

std::vector<Decoder::OpenFrame> Decoder::Stack(std::uint32_t thread, std::uint32_t* hidden) const {
  std::vector<OpenFrame> frames;
  const DecodedThread* found = state_->FindThread(thread);
  *hidden = found == nullptr ? 0 : found->hidden;
  if (found == nullptr) return frames;
  frames.reserve(found->stack.size());
  for (auto call = found->stack.rbegin(); call != found->stack.rend(); ++call) {
    frames.push_back({call->frame, state_->Code(call->code), call->line});
  }
  return frames;
}

std::uint64_t Decoder::damaged() const {
  std::uint64_t sum = state_->damaged;
  for (const auto& [number, thread] : state_->threads) sum += thread->words.damaged();
  return sum;
}

std::uint64_t Decoder::unresolved() const { return state_->unresolved; }

}  // namespace smiley::daemon
