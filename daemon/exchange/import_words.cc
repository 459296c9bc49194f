#include "daemon/exchange/import_words.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "daemon/exchange/import_attachments.h"
#include "daemon/value/text_codec.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

using shm::Kind;

constexpr std::size_t kPieceWords = shm::kBlockPayloadWords;
// Most words in the unfinished pieces of all threads.
constexpr std::size_t kMaxOpenWords = 4u << 20;
constexpr std::size_t kMaxStrings = shm::kMaxId;

Status Bad(const std::string& what) { return Status(Code::kDamaged, what); }

// Whether the event takes its line from its frame.
bool TakesFrameLine(const JsonEvent& event) { return !HasLine(event.kind) || event.line == 0; }

std::string CodeKey(const JsonEvent& event) {
  return std::to_string(event.source) + ':' + std::to_string(event.file.size()) + ':' + event.file + event.function;
}

}  // namespace

Result<std::uint32_t> EventEncoder::StringId(Process* process, const std::string& text) {
  const auto it = process->strings.find(text);
  if (it != process->strings.end()) return it->second;
  if (process->strings.size() >= kMaxStrings) return Bad("too many different names");
  const auto id = static_cast<std::uint32_t>(process->strings.size() + 1);
  process->strings.emplace(text, id);
  CatalogueEntry entry;
  entry.process = process->number;
  entry.type = shm::RecordType::kString;
  entry.id = id;
  entry.payload = text;
  if (Status status = sink_->AddCatalogue(std::move(entry)); !status) return status;
  return id;
}

Result<std::uint32_t> EventEncoder::NewCode(Process* process, const JsonEvent& event, std::uint32_t first_line) {
  if (process->code_list.size() >= shm::kMaxId) return Bad("too many different functions");
  auto file = StringId(process, event.file);
  if (!file) return file;
  auto function = StringId(process, event.function);
  if (!function) return function;
  std::uint32_t source = 0;
  if (event.source != 0) {
    std::uint32_t& known = process->sources[event.source];
    if (known == 0) {
      known = static_cast<std::uint32_t>(process->sources.size());
      CatalogueEntry entry;
      entry.process = process->number;
      entry.type = shm::RecordType::kSource;
      entry.id = known;
      {
        shm::CborWriter out(&entry.payload);
        out.ArrayHeader(2);
        out.Unsigned(*file);
        out.Unsigned(event.source);
      }
      if (Status status = sink_->AddCatalogue(std::move(entry)); !status) return status;
    }
    source = known;
  }
  const auto id = static_cast<std::uint32_t>(process->code_list.size() + 1);
  CatalogueEntry entry;
  entry.process = process->number;
  entry.type = shm::RecordType::kCode;
  entry.id = id;
  {
    shm::CborWriter out(&entry.payload);
    out.ArrayHeader(5);
    out.Unsigned(*file);
    out.Unsigned(*function);
    out.Unsigned(first_line);
    out.Unsigned(source);
    out.ArrayHeader(0);
  }
  if (Status status = sink_->AddCatalogue(std::move(entry)); !status) return status;
  process->code_list.push_back({first_line, event.file, event.function, event.source});
  process->codes[CodeKey(event)].push_back(id);
  return id;
}

bool EventEncoder::FitsCode(const Process& process, std::uint32_t code, const JsonEvent& event) const {
  if (!event.has_code) return code == 0;
  if (code == 0 || code > process.code_list.size()) return false;
  const Code& known = process.code_list[code - 1];
  return known.source == event.source && known.function == event.function && known.file == event.file;
}

// The catalogue id of the event's code. `fresh`: the frame is entered now, so that the code's first line counts.
Result<std::uint32_t> EventEncoder::CodeId(Process* process, const JsonEvent& event, std::uint32_t frame_code,
                                           bool fresh) {
  if (!event.has_code) return std::uint32_t{0};
  if (frame_code != 0 && FitsCode(*process, frame_code, event)) return frame_code;
  const auto it = process->codes.find(CodeKey(event));
  if (it != process->codes.end()) {
    if (!fresh) return it->second.front();
    for (const std::uint32_t id : it->second) {
      if (process->code_list[id - 1].first_line == event.line) return id;
    }
  }
  return NewCode(process, event, fresh ? event.line : 0);
}

Status EventEncoder::ClosePiece(Thread* thread) {
  if (!thread->open) return Status::Ok();
  thread->open = false;
  open_words_ -= thread->piece.words.size();
  return sink_->AddPiece(std::exchange(thread->piece, Piece()));
}

// Begins a piece whose header holds the thread's present state.
void EventEncoder::OpenPiece(Thread* thread, const JsonEvent& event) {
  Piece& piece = thread->piece;
  piece = Piece();
  piece.process = event.process;
  piece.thread = event.thread;
  if (!thread->begun) thread->units = event.time_ns;
  thread->begun = true;
  thread->open = true;
  const auto units = static_cast<std::uint64_t>(thread->units);
  shm::BlockHeader& state = piece.state;
  state.magic = shm::kBlockMagic;
  state.version = shm::kFormatVersion;
  state.block = thread->blocks++;
  state.thread = event.thread;
  state.depth = thread->hidden + static_cast<std::uint32_t>(thread->stack.size());
  state.first_seq = thread->next_seq;
  state.base_units = state.anchor_units = state.anchor_mono_ns = units;
  state.last_frame = thread->last_frame;
  state.lost = thread->lost;
  state.shown = static_cast<std::uint32_t>(std::min(thread->stack.size(), shm::kShownFrames));
  for (std::uint32_t i = 0; i < state.shown; ++i) {
    const OpenCall& call = thread->stack[thread->stack.size() - 1 - i];
    state.frames[i] = {call.frame, call.code, call.line};
  }
  piece.time = {units, thread->units, 0, 1.0};
}

// Replaces the stack, for example after a loss. The next piece begins with the new one in its header.
Status EventEncoder::Restack(Thread* thread, std::vector<OpenCall> stack, std::uint32_t depth) {
  if (Status status = ClosePiece(thread); !status) return status;
  if (stack.size() > shm::kShownFrames) stack.erase(stack.begin(), stack.end() - shm::kShownFrames);
  thread->hidden = depth > stack.size() ? depth - static_cast<std::uint32_t>(stack.size()) : 0;
  thread->stack = std::move(stack);
  return Status::Ok();
}

// Puts the frame of a call, resume or throw on the stack, and returns the catalogue id of its code.
Result<std::uint32_t> EventEncoder::EnterFrame(Process* process, Thread* thread, const JsonEvent& event) {
  auto& stack = thread->stack;
  const std::size_t open = thread->hidden + stack.size();
  const std::uint64_t top = stack.empty() ? 0 : stack.back().frame;
  if ((event.has_depth && open != event.depth) || top != event.parent) {
    const std::uint32_t depth = event.has_depth ? event.depth : static_cast<std::uint32_t>(open);
    std::vector<OpenCall> wanted;
    for (std::size_t i = stack.size(); event.parent != 0 && i > 0 && wanted.empty(); --i) {
      if (stack[i - 1].frame == event.parent && thread->hidden + i == depth) {
        wanted.assign(stack.begin(), stack.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    if (wanted.empty() && event.parent != 0) wanted.push_back({event.parent, 0, 0});
    if (Status status = Restack(thread, std::move(wanted), depth); !status) return status;
  }
  OpenCall call{event.frame, 0, 0};
  std::uint32_t known = 0;
  if (event.kind != Kind::kCall) {
    const auto waiting = process->waiting.find(event.frame);
    if (waiting != process->waiting.end()) {
      call.line = waiting->second.line;
      if (call.line != 0) known = waiting->second.code;
    }
  }
  auto code = CodeId(process, event, known, call.line == 0);
  if (!code) return code.status();
  call.code = *code;
  stack.push_back(call);
  return call.code;
}

// Whether the stack already agrees with the event's frame, code, depth and line. `*attach_code`: the stack is empty
// and the event names its code itself.
bool EventEncoder::FitsStack(const Process& process, const Thread& thread, const JsonEvent& event,
                             bool* attach_code) const {
  const auto& stack = thread.stack;
  const std::size_t open = thread.hidden + stack.size();
  if (stack.empty()) {
    const bool fits =
        event.frame == 0 && (!event.has_depth || open == event.depth + 1 || (open == 0 && event.depth == 0));
    *attach_code = fits && event.has_code;
    return fits;
  }
  const OpenCall& top = stack.back();
  const std::uint64_t parent = stack.size() > 1 ? stack[stack.size() - 2].frame : 0;
  if (top.frame != event.frame || !FitsCode(process, top.code, event)) return false;
  const bool nameless = event.frame == 0 && !event.has_code;
  if (!nameless && (open != event.depth + 1 || parent != event.parent)) return false;
  if (!TakesFrameLine(event)) return true;
  const std::uint32_t line = top.line != 0   ? top.line
                             : top.code == 0 ? 0
                                             : process.code_list[top.code - 1].first_line;
  return line == event.line;
}

// Rebuilds the stack where it does not agree with an event of a frame that is open already.
Status EventEncoder::AlignStack(Process* process, Thread* thread, const JsonEvent& event, bool* attach_code) {
  if (FitsStack(*process, *thread, event, attach_code)) return Status::Ok();
  *attach_code = false;
  const auto& stack = thread->stack;
  const std::size_t open = thread->hidden + stack.size();
  const std::uint32_t depth =
      event.has_depth ? event.depth + 1 : static_cast<std::uint32_t>(std::max<std::size_t>(open, 1));
  std::vector<OpenCall> wanted;
  if (event.frame != 0 || event.has_code) {
    std::uint32_t known = 0;
    for (std::size_t i = stack.size(); i > 0; --i) {
      if (stack[i - 1].frame != event.frame) continue;
      known = stack[i - 1].code;
      const std::uint64_t parent = i > 1 ? stack[i - 2].frame : 0;
      if (thread->hidden + i == depth && parent == event.parent) {
        wanted.assign(stack.begin(), stack.begin() + static_cast<std::ptrdiff_t>(i - 1));
      }
      break;
    }
    if (wanted.empty() && event.parent != 0) wanted.push_back({event.parent, 0, 0});
    // When only the line differs, a second id of the same code makes readers take the frame from the header.
    const bool derived = TakesFrameLine(event);
    const bool other_line = !stack.empty() && derived && stack.back().frame == event.frame;
    Result<std::uint32_t> code = std::uint32_t{0};
    if (event.has_code) {
      code = other_line ? NewCode(process, event, event.line) : CodeId(process, event, known, false);
    }
    if (!code) return code.status();
    wanted.push_back({event.frame, *code, derived ? event.line : 0});
  }
  return Restack(thread, std::move(wanted), depth);
}

// Removes the frames that the event ends from the stack: one, or all of them at the thread's end.
void EventEncoder::LeaveFrames(Process* process, Thread* thread, const JsonEvent& event) {
  const Kind kind = event.kind;
  if (LeavesFrame(kind)) {
    if (kind == Kind::kYield && event.frame != 0) {
      process->waiting[event.frame] = {event.frame, thread->stack.empty() ? 0 : thread->stack.back().code,
                                       event.line};
    } else {
      process->waiting.erase(event.frame);
    }
    if (!thread->stack.empty()) {
      thread->stack.pop_back();
    } else if (thread->hidden > 0) {
      --thread->hidden;
    }
  }
  if (kind == Kind::kThreadEnd) {
    for (const OpenCall& call : thread->stack) process->waiting.erase(call.frame);
    thread->stack.clear();
    thread->hidden = 0;
  }
}

// Appends the loss, the changed variables, the value and the exception of an event, in the order of the format.
Status EventEncoder::AppendContents(Process* process, const JsonEvent& event,
                                    std::vector<AttachmentWords>* attachments) {
  const Kind kind = event.kind;
  if (kind == Kind::kLost) {
    attachments->push_back(LossAttachment(event.seq, event.lost_count, event.lost_first_ns, event.lost_last_ns));
  }
  for (const JsonEvent::Change& change : event.changed) {
    auto name = StringId(process, change.name);
    if (!name) return name.status();
    if (Status status = AppendChange(*name, change.cbor, attachments); !status) return status;
  }
  if (!event.value.empty() && !(HasName(kind) && event.value_is_text)) {
    const Kind as = IsOutput(kind) ? Kind::kText : Kind::kValue;
    if (Status status = AppendCbor(as, 0, event.value, attachments); !status) return status;
  }
  if (!event.has_exception) return Status::Ok();
  return AppendException(event.exception_type, event.exception_message, attachments);
}

Status EventEncoder::Add(const JsonEvent& event) {
  Thread& thread = threads_[event.thread];
  Process& process = processes_[event.process];
  process.number = event.process;
  if (event.seq != thread.next_seq)
    return Bad("events of thread " + std::to_string(event.thread) + " are missing or repeated");
  if (thread.begun && event.time_ns < thread.units)
    return Bad("time goes back in thread " + std::to_string(event.thread));
  if (event.line > shm::kMaxId || event.task > shm::kMaxId) return Bad("a line or task number is too large");
  const Kind kind = event.kind;
  // Of a call whose frame has the next number, and of a resume without a frame, the words do not name the frame.
  const bool names_frame = (kind == Kind::kCall && event.frame != thread.last_frame + 1) ||
                           ((kind == Kind::kResume || kind == Kind::kThrow) && event.frame != 0);
  std::uint32_t id = 0;
  std::vector<AttachmentWords> attachments;
  if (names_frame) attachments.push_back(FrameAttachment(event.frame));
  if (EntersFrame(kind)) {
    auto code = EnterFrame(&process, &thread, event);
    if (!code) return code.status();
    id = *code;
  } else if (HappensInFrame(kind)) {
    bool attach_code = false;
    if (Status status = AlignStack(&process, &thread, event, &attach_code); !status) return status;
    if (HasLine(kind)) id = event.line;
    if (attach_code) {
      auto code = CodeId(&process, event, 0, false);
      if (!code) return code.status();
      attachments.push_back(CodeAttachment(*code));
    }
  }
  if (kind == Kind::kTask) id = event.task;
  if (HasName(kind) && event.value_is_text) {
    auto name = StringId(&process, event.value_text);
    if (!name) return name.status();
    id = *name;
  }
  // The header of a new piece holds the stack before this event.
  if (!thread.open) {
    OpenCall entered{};
    if (EntersFrame(kind)) {
      entered = thread.stack.back();
      thread.stack.pop_back();
    }
    OpenPiece(&thread, event);
    if (EntersFrame(kind)) thread.stack.push_back(entered);
  }
  if (kind == Kind::kCall) thread.last_frame = event.frame;
  if (kind == Kind::kLine && !thread.stack.empty()) thread.stack.back().line = id;
  LeaveFrames(&process, &thread, event);
  if (Status status = AppendContents(&process, event, &attachments); !status) return status;
  const std::uint32_t flags =
      kind == Kind::kRaise && event.propagated ? static_cast<std::uint32_t>(shm::kFlagPropagated) : 0;
  return Encode(&thread, event, id, flags, attachments);
}

// Writes the event's words, in several pieces when they do not fit into one.
Status EventEncoder::Encode(Thread* thread, const JsonEvent& event, std::uint32_t id, std::uint32_t flags,
                            const std::vector<AttachmentWords>& attachments) {
  const std::uint64_t delta = static_cast<std::uint64_t>(event.time_ns) - static_cast<std::uint64_t>(thread->units);
  std::vector<std::uint64_t>* words = &thread->piece.words;
  const std::size_t before = words->size();
  std::size_t head = words->size();
  words->push_back(shm::EventWord(event.kind, flags, id, static_cast<std::uint32_t>(delta)));
  if (delta >> 32 != 0) {
    words->push_back(shm::AttachmentWord(Kind::kTime, 0, 0, shm::kWordBytes));
    words->push_back(delta >> 32);
  }
  thread->units = event.time_ns;
  if (event.kind == Kind::kLost) {
    thread->next_seq += event.lost_count;
    thread->lost += event.lost_count;
  } else {
    ++thread->next_seq;
  }
  open_words_ += words->size() - before;
  for (const AttachmentWords& attachment : attachments) {
    if (words->size() + attachment.size() > kPieceWords) {
      (*words)[head] |= static_cast<std::uint64_t>(shm::kFlagMore) << 6;
      if (Status status = ClosePiece(thread); !status) return status;
      OpenPiece(thread, event);
      thread->piece.begins_inside = true;
      words = &thread->piece.words;
      head = 0;
      words->push_back(shm::EventWord(Kind::kMore, 0, 0, 0));
      ++open_words_;
    }
    words->insert(words->end(), attachment.begin(), attachment.end());
    open_words_ += attachment.size();
  }
  // A piece ends early, so that only attachments of an event continue in the next piece.
  if (words->size() + 8 > kPieceWords) {
    if (Status status = ClosePiece(thread); !status) return status;
  }
  if (open_words_ > kMaxOpenWords) return Finish();
  return Status::Ok();
}

Status EventEncoder::Finish() {
  for (auto& [number, thread] : threads_) {
    if (Status status = ClosePiece(&thread); !status) return status;
  }
  return Status::Ok();
}

}  // namespace smiley::daemon
