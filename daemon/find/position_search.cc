#include "daemon/find/position_search.h"

#include <algorithm>

#include "daemon/protocol/producer.h"
#include "shm/cbor.h"

namespace smiley::daemon {
namespace {

using shm::Kind;

constexpr std::size_t kForwardBatch = 256, kBackwardBatch = 32;

// The exception type of an event; empty = none.
std::string ExceptionType(const PieceWalker& event) {
  std::string type;
  event.ForEachAttachment([&](std::uint64_t word, const char* bytes, std::size_t size) {
    if (shm::WordKind(word) != Kind::kException) return;
    shm::CborReader reader(std::string_view(bytes, size));
    std::uint64_t items = 0;
    std::string_view text;
    if (reader.ReadArray(&items) && items >= 1 && reader.ReadTextOrBytes(&text)) type = text;
  });
  return type;
}

// Whether `name` is the qualified name, or its end after a dot.
bool IsName(std::string_view qualified, std::string_view name) {
  if (!qualified.ends_with(name)) return false;
  return qualified.size() == name.size() || qualified[qualified.size() - name.size() - 1] == '.';
}

}  // namespace

bool WantedTest::CodeFits(std::uint32_t code) {
  if (wanted_.file.empty() && wanted_.function.empty()) return true;
  if (code >= codes_.size()) codes_.resize(std::max<std::size_t>(code + 1, codes_.size() * 2));
  if (codes_[code] == 0) {
    const CodeRecord* info = code == 0 ? nullptr : names_->FindCode(code);
    const bool fits = info != nullptr && (wanted_.file.empty() || IsFile(info->file, wanted_.file)) &&
                      (wanted_.function.empty() || IsName(info->function, wanted_.function));
    codes_[code] = fits ? 2 : 1;
  }
  return codes_[code] == 2;
}

bool WantedTest::IsVariable(std::uint32_t string) {
  if (string >= strings_.size()) strings_.resize(std::max<std::size_t>(string + 1, strings_.size() * 2));
  if (strings_[string] == 0) {
    const std::string* text = names_->FindString(string);
    strings_[string] = text != nullptr && *text == wanted_.variable ? 2 : 1;
  }
  return strings_[string] == 2;
}

bool WantedTest::ChunkMayMatch(const Piece& summary) {
  if ((summary.kinds & wanted_.kinds) == 0) return false;
  if (wanted_.line != 0 &&
      (summary.min_line == 0 || wanted_.line < summary.min_line || wanted_.line > summary.max_line))
    return false;
  const auto& codes = summary.codes;
  if (!wanted_.codes_near.empty() &&
      std::none_of(wanted_.codes_near.begin(), wanted_.codes_near.end(),
                   [&](std::uint32_t code) { return std::binary_search(codes.begin(), codes.end(), code); })) {
    return false;
  }
  if ((!wanted_.file.empty() || !wanted_.function.empty()) &&
      std::none_of(codes.begin(), codes.end(), [&](std::uint32_t code) { return CodeFits(code); })) {
    return false;
  }
  return wanted_.variable.empty() || std::any_of(summary.variables.begin(), summary.variables.end(),
                                                 [&](std::uint32_t string) { return IsVariable(string); });
}

bool WantedTest::Matches(const PieceWalker& event) {
  if ((wanted_.kinds >> static_cast<unsigned>(event.kind) & 1) == 0 || event.open > wanted_.most_open) return false;
  if (wanted_.frame != 0 && event.frame != wanted_.frame) return false;
  if (wanted_.in_frame && !event.in_frame) return false;
  if (wanted_.line != 0 && event.line != wanted_.line) return false;
  if (wanted_.own_raise && (event.flags & shm::kFlagPropagated) != 0) return false;
  if (!CodeFits(event.code)) return false;
  if (!wanted_.exception.empty() && !IsName(ExceptionType(event), wanted_.exception)) return false;
  if (wanted_.variable.empty()) return true;
  bool written = false;
  event.ForEachAttachment([&](std::uint64_t word, const char*, std::size_t) {
    const Kind kind = shm::WordKind(word);
    if (kind == Kind::kSet || kind == Kind::kPatch || kind == Kind::kUnset) written |= IsVariable(shm::WordId(word));
  });
  return written;
}

ThreadSearch::ThreadSearch(Archive& archive, std::string run, const ThreadInfo& thread, Wanted wanted,
                           std::shared_ptr<const Names> names, std::uint64_t seq, Direction direction)
    : archive_(archive),
      run_(std::move(run)),
      thread_(thread),
      test_(std::move(wanted), std::move(names)),
      direction_(direction),
      seq_(seq),
      next_(seq),
      not_before_ns_(thread.first_ns) {}

Status ThreadSearch::LoadEntries() {
  const bool forward = direction_ == Direction::kForward;
  auto entries = forward ? archive_.Index(run_, thread_.thread, next_, kForwardBatch)
                         : archive_.IndexBefore(run_, thread_.thread, next_, kBackwardBatch);
  if (!entries) return entries.status();
  if (forward) {
    // The batch begins with the last entry of the batch before.
    const std::size_t size = entries->size();
    const std::uint64_t last_first = entries->empty() ? 0 : entries->back().piece->first_seq;
    const std::uint64_t last_arrival = entries->empty() ? 0 : entries->back().arrival;
    if (last_arrival_ != 0) {
      const auto known = std::find_if(entries->begin(), entries->end(),
                                      [&](const PieceEntry& entry) { return entry.arrival == last_arrival_; });
      if (known != entries->end()) entries->erase(entries->begin(), known + 1);
    }
    if (size < kForwardBatch || last_first == next_) at_end_ = true;
    next_ = last_first;
    last_arrival_ = last_arrival;
    std::reverse(entries->begin(), entries->end());
  } else {
    if (entries->size() < kBackwardBatch) at_end_ = true;
    if (!entries->empty()) next_ = entries->front().piece->first_seq;
  }
  entries_ = std::move(*entries);
  return Status::Ok();
}

Status ThreadSearch::ReadChunk(const PieceEntry& entry) {
  auto piece = archive_.ReadPiece(run_, entry);
  if (!piece) return piece.status();
  ++read_;
  PieceWalker walker;
  walker.Start(**piece);
  matches_.clear();
  const bool forward = direction_ == Direction::kForward;
  while (walker.Next()) {
    if (forward ? walker.seq <= seq_ : walker.seq >= seq_ || walker.seq < until_) continue;
    if (!test_.Matches(walker)) continue;
    FoundEvent& found = matches_.emplace_back();
    found.position = {thread_.thread, walker.seq};
    found.time_ns = walker.TimeNs();
    found.kind = walker.kind;
    found.process = thread_.process;
    found.code = walker.code;
    found.line = walker.line;
    found.open = walker.open;
    found.frame = walker.frame;
    walker.ForEachAttachment([&](std::uint64_t word, const char* bytes, std::size_t size) {
      const Kind kind = shm::WordKind(word);
      if (kind == Kind::kText || kind == Kind::kException || kind == Kind::kValue) found.cbor.assign(bytes, size);
    });
  }
  if (forward) std::reverse(matches_.begin(), matches_.end());
  return Status::Ok();
}

Result<bool> ThreadSearch::Step() {
  StepLimit limit;
  found_.reset();
  while (true) {
    if (!matches_.empty()) {
      found_ = matches_.back();
      matches_.pop_back();
      seq_ = found_->position.seq;
      not_before_ns_ = found_->time_ns;
      return true;
    }
    if (entries_.empty()) {
      if (at_end_) {
        not_before_ns_ = INT64_MAX;
        return true;
      }
      if (Status status = LoadEntries(); !status) return status;
      continue;
    }
    const PieceEntry entry = std::move(entries_.back());
    entries_.pop_back();
    not_before_ns_ = std::max(not_before_ns_, entry.piece->first_ns);
    if (until_ != 0 && entry.piece->last_seq < until_) {
      entries_.clear();
      at_end_ = true;
      continue;
    }
    if (!test_.ChunkMayMatch(*entry.piece)) {
      ++skipped_;
    } else if (Status status = ReadChunk(entry); !status && status.code() != Code::kDamaged) {
      return status;
    }
    if (matches_.empty() && limit.Reached({})) return false;
  }
}

Result<PiecePtr> ReadPieceOf(Archive& archive, const std::string& run, std::uint32_t thread, std::uint64_t seq) {
  const auto entries = archive.Index(run, thread, seq, 16);
  if (!entries) return entries.status();
  for (const PieceEntry& entry : *entries) {
    if (entry.piece->first_seq > seq) break;
    if (entry.piece->events + entry.piece->lost > 0 && entry.piece->last_seq >= seq) {
      return archive.ReadPiece(run, entry);
    }
  }
  return PiecePtr();
}

Status NarrowToBegun(Archive& archive, const std::string& run, std::uint32_t thread, std::int64_t time_ns,
                     BegunBetween* between) {
  while (between->high - between->low > 1) {
    const std::uint64_t middle = between->low + (between->high - between->low) / 2;
    auto entries = archive.Index(run, thread, middle, 16);
    if (!entries) return entries.status();
    const PieceEntry* holds = nullptr;
    for (const PieceEntry& entry : *entries) {
      if (entry.piece->first_seq > middle) break;
      if (entry.piece->events + entry.piece->lost > 0) holds = &entry;
    }
    if (holds == nullptr) {
      between->high = middle;
    } else if (holds->piece->first_ns > time_ns) {
      between->high = std::min(middle, holds->piece->first_seq);
    } else {
      between->piece = *holds;
      between->low = std::max(middle, holds->piece->last_seq);
    }
  }
  return Status::Ok();
}

Result<PieceEntry> FindLastBegun(Archive& archive, const std::string& run, const ThreadInfo& thread,
                                 std::int64_t time_ns) {
  BegunBetween between;
  between.high = thread.events + thread.lost + 1;
  if (Status status = NarrowToBegun(archive, run, thread.thread, time_ns, &between); !status) return status;
  return std::move(between.piece);
}

Result<Moment> FindMomentBefore(Archive& archive, const std::string& run, const ThreadInfo& thread,
                                std::int64_t time_ns, std::uint32_t before_thread) {
  Moment moment;
  const Result<PieceEntry> begun = FindLastBegun(archive, run, thread, time_ns);
  if (!begun) return begun.status();
  const PieceEntry& in_time = *begun;
  if (in_time.piece == nullptr) return moment;
  auto piece = archive.ReadPiece(run, in_time);
  if (!piece) return piece.status();
  PieceWalker walker;
  walker.Start(**piece);
  while (walker.Next()) {
    const std::int64_t ns = walker.TimeNs();
    if (ns > time_ns || (ns == time_ns && thread.thread > before_thread)) break;
    moment.seq = walker.seq;
    moment.time_ns = ns;
    moment.kind = walker.kind;
    moment.stack = walker.stack();
    moment.hidden = walker.hidden();
    if (walker.in_frame && !moment.stack.empty()) moment.stack.back().line = walker.line;
  }
  return moment;
}

}  // namespace smiley::daemon
