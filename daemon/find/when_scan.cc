#include "daemon/find/when_scan.h"

#include <algorithm>

#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

using shm::Kind;

constexpr std::size_t kBatch = 256;
// Most summaries skipped in one step.
constexpr int kPassed = 512;
// Pieces that a search reads before it reads ahead, and the index entries that it examines then.
constexpr std::uint64_t kReadAlone = 8;
constexpr std::size_t kLookAhead = 16;

}  // namespace

WhenVariables::WhenVariables(const WhenQuestion& question, std::shared_ptr<const Names> names)
    : question_(question), names_(std::move(names)), interned_(question.names.size() + 1, nullptr) {}

std::size_t WhenVariables::IndexOf(std::uint32_t string) {
  if (string >= indexes_.size()) indexes_.resize(std::max<std::size_t>(string + 1, indexes_.size() * 2), 255);
  if (indexes_[string] == 255) {
    const std::string* text = names_->FindString(string);
    std::size_t index = 0;
    if (text != nullptr) {
      const auto found = std::find(question_.names.begin(), question_.names.end(), *text);
      if (found != question_.names.end()) index = static_cast<std::size_t>(found - question_.names.begin()) + 1;
    }
    index = std::min<std::size_t>(index, 254);
    indexes_[string] = static_cast<std::uint8_t>(index);
    if (index != 0) interned_[index] = text;
  }
  return indexes_[string];
}

WhenVariables::Frame* WhenVariables::Find(std::uint64_t frame) {
  const auto found = frames_.find(frame);
  return found == frames_.end() ? nullptr : &found->second;
}

WhenVariables::Frame& WhenVariables::Get(std::uint64_t frame, std::uint32_t thread) {
  if (frames_.size() >= kMostFrames && !frames_.contains(frame)) {
    // Removes frames that were not touched for long: their ends lay in chunks that were not read.
    const std::uint64_t line = clock_ - clock_ / 8;
    for (auto at = frames_.begin(); at != frames_.end();) {
      if (at->second.touched < line) {
        SetHeld(&at->second, false);
        at = frames_.erase(at);
      } else {
        ++at;
      }
    }
  }
  Frame& state = frames_[frame];
  state.thread = thread;
  state.touched = ++clock_;
  return state;
}

void WhenVariables::Forget(std::uint64_t frame) {
  const auto found = frames_.find(frame);
  if (found == frames_.end()) return;
  SetHeld(&found->second, false);
  frames_.erase(found);
}

void WhenVariables::SetHeld(Frame* frame, bool holds) {
  if (frame->held != holds) held_ += holds ? 1 : std::size_t(-1);
  frame->held = holds;
}

void WhenVariables::Lose(std::uint32_t thread) {
  for (auto& [frame, state] : frames_) {
    if (state.thread != thread) continue;
    if (state.values.empty()) continue;
    for (auto& variable : state.values) variable.second = MakeLost();
    SetHeld(&state, false);
  }
}

ValuePtr WhenVariables::FindSeen(const ValuePtr& value) const {
  if (value == nullptr || value->id == 0) return nullptr;
  const auto found = objects_.find(value->id);
  return found == objects_.end() ? nullptr : found->second;
}

void WhenVariables::NoteSeen(const ValuePtr& value) {
  if (value == nullptr || value->id == 0 || value->Is(kFormRef)) return;
  if (objects_.size() >= kMostObjects && !objects_.contains(value->id)) objects_.clear();
  objects_[value->id] = value;
}

WhenThread::WhenThread(Archive& archive, std::string run, const ThreadInfo& thread, const WhenQuestion& question,
                       std::shared_ptr<WhenVariables> variables, Labels labels, PieceAhead* ahead)
    : archive_(archive),
      ahead_(ahead),
      run_(std::move(run)),
      thread_(thread),
      question_(question),
      variables_(std::move(variables)),
      labels_(std::move(labels)),
      masks_(question_, variables_->names(), thread_, labels_.thread),
      not_before_ns_(thread.first_ns) {
  walker_.continuations = true;
}

Status WhenThread::Load() {
  auto entries = archive_.Index(run_, thread_.thread, next_first_, kBatch);
  if (!entries) return entries.status();
  const std::size_t size = entries->size();
  const std::uint64_t last_first = entries->empty() ? 0 : entries->back().piece->first_seq;
  const std::uint64_t last_arrival = entries->empty() ? 0 : entries->back().arrival;
  if (last_arrival_ != 0) {
    const auto known = std::find_if(entries->begin(), entries->end(),
                                    [&](const PieceEntry& entry) { return entry.arrival == last_arrival_; });
    if (known != entries->end()) entries->erase(entries->begin(), known + 1);
  }
  loaded_all_ = size < kBatch || last_first == next_first_;
  next_first_ = last_first;
  last_arrival_ = last_arrival;
  std::reverse(entries->begin(), entries->end());
  entries_ = std::move(*entries);
  looked_ahead_ = 0;
  return Status::Ok();
}

// Requests the next pieces that can match. Events found meanwhile may rule them out; then they are dropped.
void WhenThread::ReadAhead() {
  if (read_ < kReadAlone) return;
  while (looked_ahead_ < entries_.size() && ahead_->HasRoom()) {
    const PieceEntry& entry = entries_[entries_.size() - ++looked_ahead_];
    if (entry.arrival != 0 && MayMatter(*entry.piece)) ahead_->Want(entry);
    if (looked_ahead_ > kLookAhead) return;
  }
}

std::uint64_t WhenThread::Changed(const Piece& summary) {
  std::uint64_t changed = 0;
  for (const std::uint32_t string : summary.variables) {
    const std::size_t index = variables_->IndexOf(string);
    if (index != 0) changed |= std::uint64_t{1} << std::min<std::size_t>(index - 1, 63);
  }
  return changed;
}

bool WhenThread::MayMatter(const Piece& summary) {
  const std::uint64_t changed = Changed(summary);
  // The piece changes a followed variable, so that it must be read.
  if (changed != 0) return true;
  if (summary.lost > 0) return true;
  if (question_.asks_task && (summary.kinds & KindBit(Kind::kTask)) != 0) return true;
  const bool constant = !question_.momentary && !question_.flowing;
  WhenMasks::Masks& masks = masks_.MasksFor(changed);
  const auto may = [&](std::uint32_t code) {
    const WhenMasks::Mask& mask = masks_.MaskOf(&masks_.MasksIn(&masks, code), changed);
    return ((constant ? mask.without : mask.with) & summary.kinds) != 0;
  };
  if (!may(0) && std::none_of(summary.codes.begin(), summary.codes.end(), may)) return false;
  // A piece of other lines makes the expression false in a frame where it holds.
  const bool ends_nothing = question_.momentary || (variables_->held() == 0 && !held_outside_);
  return !question_.asks_line || !ends_nothing || masks_.MayHoldOnLines(summary, changed);
}

Result<bool> WhenThread::Advance(const Found& found) {
  for (int passed = 0; passed < kPassed;) {
    if (entries_.empty()) {
      if (loaded_all_) {
        not_before_ns_ = INT64_MAX;
        return false;
      }
      if (Status status = Load(); !status) return status;
      continue;
    }
    const PieceEntry entry = std::move(entries_.back());
    entries_.pop_back();
    if (looked_ahead_ > 0) --looked_ahead_;
    not_before_ns_ = std::max(not_before_ns_, entry.piece->first_ns);
    if (expected_ != 0 && entry.piece->first_seq != expected_) variables_->Lose(thread_.thread);
    expected_ = entry.piece->last_seq + 1;
    if (!MayMatter(*entry.piece)) {
      ahead_->Drop(entry);
      ++skipped_;
      ++passed;
      continue;
    }
    if (Status status = Read(entry, found); !status) {
      if (status.code() != Code::kDamaged) return status;
      variables_->Lose(thread_.thread);
    }
    return true;
  }
  return true;
}

Status WhenThread::Read(const PieceEntry& entry, const Found& found) {
  auto piece = ahead_->Take(entry);
  ReadAhead();
  if (!piece) return piece.status();
  ++read_;
  events_ += entry.piece->events;
  if ((*piece)->damaged_before) variables_->Lose(thread_.thread);
  const std::uint64_t changed = Changed(*entry.piece);
  WhenMasks::Masks& masks = masks_.MasksFor(changed);
  const bool constant = !question_.momentary && !question_.flowing;
  const bool follows = changed != 0;
  ValuesByName before;
  walker_.Start(**piece);
  while (walker_.Next()) {
    if (walker_.kind == Kind::kLost) variables_->Lose(thread_.thread);
    if (walker_.kind == Kind::kTask) task_ = walker_.id == 0 ? 0 : variables_->names().FindTask(walker_.id);
    bool wrote = false;
    if (follows && walker_.has_attachments()) {
      before.clear();
      event_.changed.clear();
      wrote = Fold(walker_, &event_, &before);
    }
    WhenMasks::CodeMasks& in = masks_.MasksIn(&masks, walker_.code);
    const WhenMasks::Mask& mask = masks_.MaskAt(&in, walker_.line, walker_.depth(), changed);
    const std::uint32_t bit = KindBit(walker_.kind);
    bool look = wrote || (mask.without & bit) != 0;
    if (!constant) look = (mask.with & bit) != 0;
    look = look || (wrote && (walker_.code == 0 || walker_.kind == Kind::kMore));
    if (look) {
      if (!wrote) {
        event_.changed.clear();
        before.clear();
      }
      Fill(walker_, in.code);
      Look(walker_, before, found);
    } else if (!constant && !question_.momentary) {
      if (walker_.in_frame) {
        if (auto* frame = variables_->held() == 0 ? nullptr : variables_->Find(walker_.frame))
          variables_->SetHeld(frame, false);
      } else {
        held_outside_ = false;
      }
    }
    if (EndsFrame(walker_.kind)) {
      if (walker_.frame != 0) variables_->Forget(walker_.frame);
    }
  }
  return Status::Ok();
}

// Applies the changes of followed variables by an event. False: it changes none.
bool WhenThread::Fold(const PieceWalker& at, Event* event, ValuesByName* before) {
  bool wrote = false;
  WhenVariables::Frame* frame = nullptr;
  const ReadAt read_at{thread_.thread, at.seq};
  at.ForEachAttachment([&](std::uint64_t word, const char* bytes, std::size_t size) {
    const Kind kind = shm::WordKind(word);
    if (kind != Kind::kSet && kind != Kind::kPatch && kind != Kind::kUnset) return;
    const std::size_t index = variables_->IndexOf(shm::WordId(word));
    if (index == 0) return;
    wrote = true;
    const std::string* name = variables_->NameOf(index);
    ValuePtr* slot = nullptr;
    if (at.frame != 0 && at.kind != Kind::kMark) {
      if (frame == nullptr) frame = &variables_->Get(at.frame, thread_.thread);
      for (auto& [known, value] : frame->values) {
        if (known == name) slot = &value;
      }
      if (slot == nullptr) {
        frame->values.emplace_back(name, nullptr);
        slot = &frame->values.back().second;
      }
    }
    const ValuePtr old = slot == nullptr ? nullptr : *slot;
    ValuePtr value;
    std::string_view cbor(bytes, size);
    if (kind == Kind::kUnset) {
      value = MakeUnbound();
    } else if (kind == Kind::kSet) {
      std::size_t used = 0;
      auto decoded = DecodeValue(cbor, read_at, &used);
      value = decoded ? std::move(*decoded) : MakeLost();
    } else {
      if ((shm::WordFlagBits(word) & shm::kFlagInline) != 0) {
        shm::CborReader reader(cbor);
        if (reader.Skip()) cbor = cbor.substr(0, reader.consumed());
      }
      auto patched = ApplyPatch(old, cbor, read_at);
      value = patched ? std::move(*patched) : MakeLost();
    }
    // The value before: when the variable holds the same object as before, or holds it for the first time, it is the
    // object's latest value through any variable.
    const bool same_object = old != nullptr && old->id != 0 && old->id == value->id;
    ValuePtr was = old == nullptr || same_object ? variables_->FindSeen(value) : nullptr;
    if (was == nullptr) was = old;
    if (was != nullptr) before->try_emplace(*name, was);
    variables_->NoteSeen(value);
    if (slot != nullptr) *slot = value;
    for (auto& [changed, now] : event->changed) {
      if (changed != name) continue;
      now = value;
      return;
    }
    event->changed.emplace_back(name, value);
  });
  return wrote;
}

void WhenThread::Fill(const PieceWalker& at, const CodeRecord* code) {
  Event* const event = &event_;
  event->process = thread_.process;
  event->thread = thread_.thread;
  event->seq = at.seq;
  event->kind = at.kind == Kind::kMore ? Kind::kLine : at.kind;
  event->code = code;
  event->line = at.line != 0 ? at.line : event->code != nullptr ? event->code->first_line : 0;
  event->frame = at.frame;
  event->parent = at.Parent().frame;
  event->depth = at.depth();
  event->task = task_;
  event->propagated = at.kind == Kind::kRaise && (at.flags & shm::kFlagPropagated) != 0;
  event->value = nullptr;
  event->exception_type.clear();
  event->exception_message.clear();
  event->lost_count = at.kind == Kind::kLost ? at.count : 0;
  event->time_ns = at.TimeNs();
  event->lost_first_ns = event->lost_last_ns = event->time_ns;
  if (HasName(at.kind)) {
    const std::string* name = variables_->names().FindString(at.id);
    if (name != nullptr) event->value = MakeStr(*name, {event->thread, event->seq});
  }
  if (!at.has_attachments()) return;
  at.ForEachAttachment([&](std::uint64_t word, const char* bytes, std::size_t size) {
    const Kind kind = shm::WordKind(word);
    std::size_t used = 0;
    const std::string_view cbor(bytes, size);
    if (kind == Kind::kValue || kind == Kind::kText) {
      auto value = DecodeValue(cbor, {event->thread, event->seq}, &used);
      event->value = value ? *value : MakeLost();
    } else if (kind == Kind::kException) {
      shm::CborReader reader(cbor);
      std::uint64_t items = 0;
      std::string_view type;
      if (!reader.ReadArray(&items) || items < 1 || !reader.ReadTextOrBytes(&type)) return;
      event->exception_type = type;
      if (items < 2) return;
      if (const auto message = DecodeValue(reader.rest(), {}, &used)) event->exception_message = (*message)->text;
    }
  });
}

void WhenThread::Look(const PieceWalker& at, const ValuesByName& before, const Found& found) {
  WhenVariables::Frame* frame = at.frame != 0 ? variables_->Find(at.frame) : nullptr;
  const std::string* task = nullptr;
  if (task_ != 0 && labels_.tasks != nullptr) {
    const auto name = labels_.tasks->find(task_);
    if (name != labels_.tasks->end()) task = &name->second;
  }
  const FrameVariables* values = frame == nullptr ? nullptr : &frame->values;
  const bool holds = question_.expression.Eval(EventScope(event_, values, &before, {&labels_.thread, task}));
  bool was = false;
  if (!question_.momentary) {
    if (at.in_frame && at.frame != 0) {
      if (frame == nullptr && holds) frame = &variables_->Get(at.frame, thread_.thread);
      if (frame != nullptr) {
        was = frame->held;
        variables_->SetHeld(frame, holds);
      }
    } else {
      was = held_outside_;
      held_outside_ = holds;
    }
  }
  if (holds && !was) found(event_, values);
}

}  // namespace smiley::daemon
