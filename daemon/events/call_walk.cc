#include "daemon/events/call_walk.h"

#include <algorithm>
#include <cstring>

namespace smiley::daemon {
namespace {

using shm::Kind;

constexpr std::size_t kMaxStack = 1u << 20;  // deeper frames are only counted
constexpr std::size_t kPassedOverAtOnce = 16;

}  // namespace

// Compares the stack with the header at the beginning of a piece. Frames further out than the shown ones are kept
// when the outermost shown frame is the same.
void CallWalker::Sync(const RawEvent& event) {
  const shm::BlockHeader& header = event.opens->state;
  const std::uint32_t shown = std::min({header.shown, header.depth, static_cast<std::uint32_t>(shm::kShownFrames)});
  const std::size_t below = header.depth - shown;  // index of the outermost frame in the header
  std::size_t same = 0;                            // number of equal frames of the stack
  if (synced_ && shown > 0 && below >= hidden_ && below - hidden_ < stack_.size()) {
    same = below - hidden_;
    std::uint32_t i = 0;
    for (; i < shown && same < stack_.size() && stack_[same].frame == header.frames[shown - 1 - i].frame; ++i) ++same;
    if (i == 0) same = 0;
  }
  last_frame_ = header.last_frame;
  synced_ = true;
  if (same == 0) {
    stack_.clear();
    hidden_ = static_cast<std::uint32_t>(below);
  }
  stack_.resize(same);
  kept_ = std::min(kept_, same);
  for (std::size_t place = hidden_ + same; place < header.depth; ++place) {
    const shm::OpenFrame& open = header.frames[header.depth - 1 - place];
    stack_.push_back({open.frame, open.code, open.line});
  }
}

const RawEvent* CallWalker::Next() {
  if (!taken_) {
    words_.Take();
    taken_ = true;
    if (ends_) {
      stack_.clear();
      hidden_ = task_ = 0;
    } else if (leaves_ && !stack_.empty()) {
      stack_.pop_back();
    } else if (leaves_ && hidden_ > 0) {
      --hidden_;
    }
    ends_ = leaves_ = false;
  }
  const RawEvent* event = words_.Peek();
  if (event == nullptr) return nullptr;
  taken_ = false;
  kept_ = stack_.size();
  gap_ = event->gap || event->kind == Kind::kLost || lost_;
  lost_ = event->kind == Kind::kLost;
  if (event->opens != nullptr) Sync(*event);
  switch (event->kind) {
    case Kind::kCall:
    case Kind::kResume:
    case Kind::kThrow: {
      WalkFrame frame{event->kind == Kind::kCall ? last_frame_ + 1 : 0, event->id, 0};
      for (const Attachment& attachment : event->attachments) {
        if (attachment.kind == Kind::kFrame && attachment.bytes.size() == shm::kWordBytes) {
          std::memcpy(&frame.frame, attachment.bytes.data(), shm::kWordBytes);
        }
      }
      if (event->kind == Kind::kCall) last_frame_ = frame.frame;
      if (stack_.size() >= kMaxStack) {
        stack_.erase(stack_.begin(), stack_.begin() + kMaxStack / 2);
        hidden_ += kMaxStack / 2;
        kept_ = 0;
      }
      stack_.push_back(frame);
      break;
    }
    case Kind::kLine:
      if (!stack_.empty()) stack_.back().line = event->id;
      break;
    case Kind::kReturn:
    case Kind::kYield:
    case Kind::kUnwind:
      leaves_ = true;
      break;
    case Kind::kThreadEnd:
      ends_ = true;
      break;
    case Kind::kTask:
      task_ = event->id;
      break;
    default:
      break;
  }
  return event;
}

std::uint32_t CallWalker::Code(const RawEvent& event) const {
  if (!stack_.empty()) return stack_.back().code;
  for (const Attachment& attachment : event.attachments) {
    if (attachment.kind == Kind::kCode) return attachment.id;
  }
  return 0;
}

std::uint32_t CallWalker::Line(const RawEvent& event) const {
  if (event.kind == Kind::kCall) return 0;
  if (HasLine(event.kind) && event.id != 0) return event.id;
  return stack_.empty() ? 0 : stack_.back().line;
}

Result<std::unique_ptr<ThreadWalk>> ThreadWalk::Open(Archive& archive, const std::string& run,
                                                     const ThreadInfo& thread, std::uint64_t from_seq) {
  std::unique_ptr<ThreadWalk> walk(new ThreadWalk);
  walk->thread_ = thread;
  auto names = archive.NamesOf(run, thread.process);
  if (!names) return names.status();
  walk->names_ = std::move(*names);
  auto cursor = archive.Open(run, thread.thread, from_seq);
  if (!cursor) return cursor.status();
  walk->cursor_ = std::move(*cursor);
  return walk;
}

const RawEvent* ThreadWalk::Next() {
  std::size_t passed_over = 0;
  while (true) {
    if (const RawEvent* event = walker_.Next()) return event;
    if (ended_) return nullptr;
    auto piece = cursor_->Next();
    if (!piece) {
      if (status_.ok()) status_ = piece.status();
      if (piece.status().code() == Code::kDamaged) continue;
    } else if (*piece != nullptr) {
      if (only_kinds_ == 0 || ((*piece)->kinds & only_kinds_) != 0 || walker_.waiting()) {
        walker_.Start(std::move(*piece));
      } else if (++passed_over == kPassedOverAtOnce) {
        return nullptr;
      }
      continue;
    }
    ended_ = true;
    walker_.Finish();
  }
}

CodeLine CodeLineOf(const ThreadWalk& walk, const RawEvent& event) {
  CodeLine place;
  if (const std::uint32_t code = walk.walker().Code(event)) place.code = walk.names().FindCode(code);
  place.line = walk.walker().Line(event);
  if (place.line == 0 && place.code != nullptr) place.line = place.code->first_line;
  return place;
}

CodeLine CodeLineOf(const Names& names, const WalkFrame& frame) {
  CodeLine place;
  place.code = names.FindCode(frame.code);
  place.line = frame.line == 0 && place.code != nullptr ? place.code->first_line : frame.line;
  return place;
}

}  // namespace smiley::daemon
