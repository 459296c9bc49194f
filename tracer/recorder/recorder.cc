#include "tracer/recorder/recorder.h"

#include <opcode.h>

namespace smiley::tracer {
namespace {

// Generators that --where left out, by frame key. They stay left out when another thread resumes them. Guarded by the
// GIL.
std::unordered_map<void*, CodeInfo*>& LeftOut() {
  static auto* frames = new std::unordered_map<void*, CodeInfo*>;
  return *frames;
}

constexpr std::size_t kKeptPictures = 16;  // spare frames

}  // namespace

std::uint32_t ThreadRecorder::Snapshot(shm::OpenFrame* out) const {
  std::uint32_t shown = 0;
  for (auto it = stack_.rbegin(); it != stack_.rend() && shown < shm::kShownFrames; ++it, ++shown) {
    out[shown] = {(*it)->id, (*it)->code->id, (*it)->line};
  }
  return static_cast<std::uint32_t>(stack_.size());
}

FrameEntry* ThreadRecorder::NewEntry() {
  if (spare_.empty()) return new FrameEntry;
  FrameEntry* entry = spare_.back();
  spare_.pop_back();
  return entry;
}

void ThreadRecorder::Drop(FrameEntry* entry) {
  // Pictures keep their memory for the next frame. To allocate their lists would be the largest cost of a method
  // call.
  const bool keep = spare_.size() < kKeptPictures;
  for (Shadow& shadow : entry->shadows) {
    shadow.state = Shadow::State::kUnbound;
    if (!keep) {
      shadow.picture.reset();
      shadow.text.reset();
    }
  }
  entry->handled.clear();
  entry->exception.clear();
  entry->raised = entry->rejoined = false;
  if (spare_.size() < 256) {
    spare_.push_back(entry);
  } else {
    delete entry;
  }
}

void ThreadRecorder::Forget(FrameEntry* entry) {
  for (Shadow& shadow : entry->shadows) {
    shadow.state = Shadow::State::kUnknown;
    shadow.picture.reset();
  }
  if (writer_) entry->epoch = writer_->epoch();
}

PyObject* ThreadRecorder::Read(const SmileyFrame& frame, const Slot& slot) const {
  switch (slot.storage) {
    case Storage::kFast:
      return smiley_slot(&frame, slot.index);
    case Storage::kCell:
    case Storage::kFree: {
      PyObject* value = smiley_slot(&frame, slot.index);
      if (value == nullptr && slot.storage == Storage::kFree && frame.lasti < 0) {
        PyObject* function = smiley_function(&frame);
        PyObject* closure =
            function != nullptr ? reinterpret_cast<PyFunctionObject*>(function)->func_closure : nullptr;
        if (closure != nullptr && static_cast<Py_ssize_t>(slot.free_index) < PyTuple_GET_SIZE(closure)) {
          value = PyTuple_GET_ITEM(closure, slot.free_index);
        }
      }
      if (value != nullptr && Py_IS_TYPE(value, &PyCell_Type)) return reinterpret_cast<PyCellObject*>(value)->ob_ref;
      return value;
    }
    case Storage::kName:
    case Storage::kGlobal: {
      PyObject* names = slot.storage == Storage::kName ? smiley_names(&frame) : smiley_globals(&frame);
      return names != nullptr && PyDict_Check(names) ? smiley_dict_lookup(names, slot.name) : nullptr;
    }
  }
  return nullptr;
}

// The variable of an inlined comprehension is unbound. The module's or class's variable that it hid is compared
// again.
bool ThreadRecorder::Uncover(FrameEntry* entry, const SmileyFrame& frame, std::uint32_t number, bool deep) {
  const auto own = entry->code->by_name.find(entry->code->slots[number].name);
  if (own == entry->code->by_name.end() || own->second >= entry->shadows.size()) return false;
  entry->shadows[number].state = Shadow::State::kUnbound;
  entry->shadows[own->second].state = Shadow::State::kUnknown;
  TouchChanged(entry, frame, own->second, Read(frame, entry->code->slots[own->second]), deep);
  return true;
}

// Writes the slot's name to the catalogue if needed. False: there was no room, and recording was switched off.
inline bool ThreadRecorder::HasName(Slot* slot) {
  if (slot->name_id != 0 || process_->NameId(slot) != 0) [[likely]]
    return true;
  process_->SwitchOff("no room for another name; free some space in shared memory and on disk");
  return false;
}

inline void ThreadRecorder::AttachPatch(std::uint32_t name, const ShortPatch& patch) {
  if (patch.size <= 16)
    return writer_->AttachShort(shm::Kind::kPatch, name, {patch.words[0], patch.words[1]}, patch.size);
  writer_->Attach(shm::Kind::kPatch, 0, name, patch.words, patch.size);
}

// Compares a variable that Same could not decide, and attaches the change.
void ThreadRecorder::TouchChanged(FrameEntry* entry, const SmileyFrame& frame, std::uint32_t number, PyObject* value,
                                  bool deep) {
  Slot& slot = entry->code->slots[number];
  Shadow& shadow = entry->shadows[number];
  if (value != nullptr) {
    if (const QuickCbor quick(value); quick.size != 0 && !slot.redacted) {
      Comparer::NoteSent(&shadow, value);
      if (HasName(&slot)) writer_->AttachShort(shm::Kind::kSet, slot.name_id, quick.words, quick.size);
      return;
    }
    ShortPatch patch;
    const Comparer::Glance glance =
        slot.redacted ? Comparer::Glance::kUnsure : comparer_->LookQuickly(&shadow, value, deep, &patch);
    if (glance == Comparer::Glance::kSame) return;
    if (glance == Comparer::Glance::kPatched) {
      if (HasName(&slot)) AttachPatch(slot.name_id, patch);
      return;
    }
  } else if (slot.storage == Storage::kFast && entry->code->namespace_body && Uncover(entry, frame, number, deep)) {
    return;
  }
  std::string_view cbor;
  comparer_->AtEvent(writer_->last_seq());
  const Change change = comparer_->Compare(&shadow, value, slot.redacted, deep, &cbor);
  if (change == Change::kNone || !HasName(&slot)) return;
  switch (change) {
    case Change::kUnset:
      writer_->Attach(shm::Kind::kUnset, 0, slot.name_id, nullptr, 0);
      break;
    case Change::kSet:
      writer_->Attach(shm::Kind::kSet, 0, slot.name_id, cbor.data(), cbor.size());
      break;
    case Change::kPatch:
      writer_->Attach(shm::Kind::kPatch, 0, slot.name_id, cbor.data(), cbor.size());
      break;
    case Change::kNone:
      break;
  }
}

void ThreadRecorder::TouchAll(FrameEntry* entry, const SmileyFrame& frame, bool deep) {
  const std::uint32_t count = static_cast<std::uint32_t>(entry->shadows.size());
  const Shadow* const shadows = entry->shadows.data();
  const Slot* const slots = entry->code->slots.data();
  for (std::uint32_t i = 0; i < count; ++i) {
    PyObject* value =
        slots[i].storage == Storage::kFast ? smiley_slot(&frame, slots[i].index) : Read(frame, slots[i]);
    if (!Same(shadows[i], value)) TouchChanged(entry, frame, i, value, deep);
  }
}

// `before`: the line that just ran. `line`: the line that runs next. Both are the same where only one line counts.
[[gnu::always_inline]] inline void ThreadRecorder::TouchLines(FrameEntry* entry, const SmileyFrame& frame,
                                                              std::uint32_t before, std::uint32_t line) {
  const std::vector<CodeInfo::Touched>& touched = entry->code->Between(before, line);
  const Shadow* const shadows = entry->shadows.data();
  const Slot* const slots = entry->code->slots.data();
  for (const auto& [slot, index] : touched) {
    PyObject* value = index != CodeInfo::Touched::kElsewhere ? smiley_slot(&frame, index) : Read(frame, slots[slot]);
    if (!Same(shadows[slot], value)) TouchChanged(entry, frame, slot, value, false);
  }
}

// For lines that may bind any name. Compares every name of the namespace; a new name gets a slot.
void ThreadRecorder::TouchNamespace(FrameEntry* entry, const SmileyFrame& frame) {
  PyObject* names = smiley_names(&frame);
  if (entry->code->namespace_body && names != nullptr && PyDict_Check(names)) {
    PyObject *key, *value;
    Py_ssize_t pos = 0;
    while (PyDict_Next(names, &pos, &key, &value)) {
      if (!PyUnicode_CheckExact(key)) continue;
      if (PyUnicode_CompareWithASCIIString(key, "__builtins__") == 0) continue;
      PyObject* name = key;
      Py_INCREF(name);
      PyUnicode_InternInPlace(&name);
      entry->code->SlotOfName(name, process_->capture().RedactsName(name));
      Py_DECREF(name);
    }
    entry->shadows.resize(entry->code->slots.size());
  }
  TouchAll(entry, frame, false);
}

void ThreadRecorder::AttachValue(PyObject* value) {
  if (const QuickCbor quick(value); quick.size != 0)
    return writer_->AttachShort(shm::Kind::kValue, 0, quick.words, quick.size);
  const std::string_view cbor = encoder_->EncodeValue(value);
  writer_->Attach(shm::Kind::kValue, 0, 0, cbor.data(), cbor.size());
}

// The entry of the running frame; null: not recorded. Drops the frames above it, which left while their hooks were
// off.
FrameEntry* ThreadRecorder::FindTop(const SmileyFrame& frame) {
  for (std::size_t i = stack_.size(); i-- > 0;) {
    if (stack_[i]->key != frame.key) continue;
    while (stack_.size() > i + 1) {
      Drop(stack_.back());
      stack_.pop_back();
    }
    return stack_.back();
  }
  return nullptr;
}

void ThreadRecorder::Enter(const SmileyFrame& frame, CodeInfo* code, Entry kind, PyObject* thrown) {
  const std::uint64_t now = process_->clock().NowUnits();
  if (name_tries_ > 0) [[unlikely]]
    NameAgain();
  if (process_->where().active()) [[unlikely]] {
    auto left_out = code->generator ? LeftOut().find(frame.key) : LeftOut().end();
    if (kind != Entry::kCall) {
      if (left_out != LeftOut().end() && left_out->second == code) return;
    } else if (!process_->where().Accepts(frame, *code, number_, stack_.size(), &process_->capture())) {
      if (code->generator) LeftOut()[frame.key] = code;
      return;
    } else if (left_out != LeftOut().end()) {
      LeftOut().erase(left_out);
    }
  }
  if ((code->id == 0 || code->generation != generation_) && !process_->Describe(code, frame.code)) [[unlikely]] {
    process_->SwitchOff("no room for another code object; free some space in shared memory and on disk");
    return;
  }
  if (tasks_.FindChange(frame.key, kind == Entry::kCall, (frame.code->co_flags & CO_COROUTINE) != 0, stack_.size()))
      [[unlikely]] {
    Write(shm::Kind::kTask, tasks_.number(), {});
  }
  FrameEntry* entry = nullptr;
  if (code->generator) {
    auto& suspended = Suspended();
    if (auto it = suspended.find(frame.key); it != suspended.end()) {
      if (kind != Entry::kCall && it->second->code == code) {
        entry = it->second;
        if (entry->thread != serial_) Forget(entry);
      } else {
        Drop(it->second);  // a generator that died at the same address without being resumed
      }
      suspended.erase(it);
    }
  }
  bool attach_frame = kind != Entry::kCall;
  if (entry == nullptr) {
    entry = NewEntry();
    entry->key = frame.key;
    entry->code = code;
    entry->object = frame.code;
    entry->id = process_->NextFrame();
    entry->line = 0;
    entry->epoch = writer_->epoch();
    if (arguments_) entry->shadows.resize(code->slots.size());
    if (kind != Entry::kCall) Forget(entry);  // its beginning was not recorded
  }
  entry->thread = serial_;
  if (kind == Entry::kCall) attach_frame = writer_->NoteCallFrame(entry->id);
  const shm::Kind event = kind == Entry::kCall    ? shm::Kind::kCall
                          : kind == Entry::kThrow ? shm::Kind::kThrow
                                                  : shm::Kind::kResume;
  const bool begun = writer_->Begin(event, 0, code->id, now);
  Refresh(entry);
  stack_.push_back(entry);
  if (!begun) return;
  if (attach_frame) writer_->AttachWords(shm::Kind::kFrame, 0, &entry->id, 1);
  if (kind == Entry::kThrow && thrown != nullptr) {
    const std::string_view cbor = encoder_->EncodeException(thrown);
    writer_->Attach(shm::Kind::kException, 0, 0, cbor.data(), cbor.size());
  }
  if (kind == Entry::kResume && arguments_) {
    if (PyObject* sent = smiley_top(&frame)) AttachValue(sent);
  }
  if (values_ || (arguments_ && kind == Entry::kCall)) TouchAll(entry, frame, true);
  writer_->Commit();
}

bool ThreadRecorder::IsSuspended(void* key) { return Suspended().contains(key); }

// Runs before a line. Forgets exceptions whose handlers are done, and records the exception that the line begins to
// handle.
void ThreadRecorder::WriteHandled(FrameEntry* entry, const SmileyFrame& frame, std::uint32_t line,
                                  std::uint64_t now) {
  if (!entry->handled.empty()) {
    PyObject* current = smiley_handled_exception();
    while (!entry->handled.empty() && entry->handled.back().exception != current) entry->handled.pop_back();
  }
  if (!entry->raised) return;
  entry->raised = false;
  // A with statement reports its line before the interpreter marks its exception as handled.
  const bool entering = entry->code->OpcodeAt(frame.lasti) == PUSH_EXC_INFO;
  PyObject* exception = entering ? entry->raising : smiley_handled_exception();
  if (exception == nullptr) return;
  const bool begun = writer_->Begin(shm::Kind::kHandled, 0, line, now);
  Refresh(entry);
  const std::string_view cbor = entering ? std::string_view(entry->exception) : encoder_->EncodeException(exception);
  entry->handled.push_back({exception, std::string(cbor)});
  if (!begun) return;
  writer_->Attach(shm::Kind::kException, 0, 0, cbor.data(), cbor.size());
  if (values_) TouchAll(entry, frame, true);
  writer_->Commit();
}

void ThreadRecorder::Line(const SmileyFrame& frame, std::uint32_t line) {
  FrameEntry* entry = Top(frame);
  if (entry == nullptr) return;
  const std::uint64_t now = process_->clock().NowUnits();
  if (entry->raised || !entry->handled.empty()) [[unlikely]]
    WriteHandled(entry, frame, line, now);
  const bool begun = writer_->Begin(shm::Kind::kLine, 0, line, now);
  Refresh(entry);
  const std::uint32_t before = entry->line;
  entry->line = line;
  if (!begun) return;
  if (values_) {
    if (!entry->code->whole.empty() && (entry->code->whole.contains(static_cast<int>(before)) ||
                                        entry->code->whole.contains(static_cast<int>(line)))) {
      TouchNamespace(entry, frame);
    } else if (entry->rejoined) [[unlikely]] {
      TouchAll(entry, frame, true);
    } else {
      TouchLines(entry, frame, before, line);
    }
    entry->rejoined = false;
  }
  writer_->Commit();
  if (line == entry->code->stop_line) [[unlikely]]
    Stop();
}

void ThreadRecorder::Raise(const SmileyFrame& frame, PyObject* exception, bool propagated, bool handled_by_loop) {
  FrameEntry* entry = Top(frame);
  if (entry == nullptr) return;
  const std::uint32_t flags = propagated ? shm::kFlagPropagated : 0;
  const bool begun = writer_->Begin(shm::Kind::kRaise, flags, entry->line, process_->clock().NowUnits());
  Refresh(entry);
  const std::string_view cbor = encoder_->EncodeException(exception);
  entry->exception.assign(cbor);
  entry->raising = exception;
  entry->raised = !handled_by_loop;
  if (!begun) return;
  writer_->Attach(shm::Kind::kException, 0, 0, cbor.data(), cbor.size());
  if (values_) TouchLines(entry, frame, entry->line, entry->line);
  writer_->Commit();
}

void ThreadRecorder::Leave(const SmileyFrame& frame, Exit exit, PyObject* value, PyObject* exception) {
  FrameEntry* entry = Top(frame);
  if (entry == nullptr) return;
  if (exit == Exit::kUnwind && !entry->raised) {
    // A handler or clean-up code reraises here, on a line that got no event.
    const int line = smiley_line(&frame);
    if (line > 0) entry->line = static_cast<std::uint32_t>(line);
  }
  const shm::Kind kind = exit == Exit::kReturn  ? shm::Kind::kReturn
                         : exit == Exit::kYield ? shm::Kind::kYield
                                                : shm::Kind::kUnwind;
  const bool begun = writer_->Begin(kind, 0, entry->line, process_->clock().NowUnits());
  Refresh(entry);
  stack_.pop_back();
  if (begun) {
    if (exit == Exit::kUnwind) {
      std::string_view cbor;
      const int opcode = entry->code->OpcodeAt(frame.lasti);
      if (exception != nullptr && !(entry->raised && entry->raising == exception)) {
        cbor = encoder_->EncodeException(exception);
      } else if (!entry->handled.empty() &&
                 (opcode == RERAISE || (opcode == RAISE_VARARGS && entry->code->OpargAt(frame.lasti) == 0))) {
        cbor = entry->handled.back().cbor;  // reraised by its handler
      } else {
        cbor = entry->exception;
      }
      if (!cbor.empty()) writer_->Attach(shm::Kind::kException, 0, 0, cbor.data(), cbor.size());
    } else if (arguments_ && value != nullptr) {
      AttachValue(value);
    }
    if (values_) {
      if (!entry->code->whole.empty() && entry->code->whole.contains(static_cast<int>(entry->line))) {
        TouchNamespace(entry, frame);
      } else {
        TouchAll(entry, frame, true);
      }
    }
    writer_->Commit();
  }
  entry->raised = false;
  const bool stops = entry->code->stops && exit != Exit::kYield;
  if (exit == Exit::kYield) {
    Suspended()[frame.key] = entry;
  } else {
    Drop(entry);
  }
  if (tasks_.NoteLeft(stack_.size())) [[unlikely]]
    Write(shm::Kind::kTask, tasks_.number(), {});
  if (stops) [[unlikely]]
    Stop();
}

void ThreadRecorder::RecordInFrame(shm::Kind kind, std::uint32_t id, std::span<const Part> parts) {
  if (tasks_.FindChange(nullptr, false, false, stack_.size())) Write(shm::Kind::kTask, tasks_.number(), {});
  Write(kind, id, parts);
}

void ThreadRecorder::Write(shm::Kind kind, std::uint32_t id, std::span<const Part> parts) {
  if (!writer_->Begin(kind, 0, id, process_->clock().NowUnits())) return;
  for (const Part& part : parts) writer_->Attach(part.kind, 0, part.id, part.bytes.data(), part.bytes.size());
  writer_->Commit();
}

}  // namespace smiley::tracer
