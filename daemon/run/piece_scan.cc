#include "daemon/run/piece_scan.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace smiley::daemon {
namespace {

using shm::Kind;

// No Python stack is deeper. The limit keeps hostile words from taking all memory.
constexpr std::size_t kDeepest = 1u << 20;

std::vector<std::uint32_t> Union(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
  std::vector<std::uint32_t> all;
  all.reserve(a.size() + b.size());
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return all;
}

}  // namespace

std::vector<std::uint32_t> IdSet::Take() {
  for (std::uint32_t id : ids_) bits_[id / 64] = 0;
  std::sort(ids_.begin(), ids_.end());
  return std::exchange(ids_, {});
}

void PieceScanner::EnterBlock(const shm::BlockHeader& header) {
  block_ = header;
  next_seq_ = header.first_seq;
  units_ = header.base_units;
  last_frame_ = header.last_frame;
  lost_ = header.lost;
  anchor_units_ = header.anchor_units;
  anchor_mono_ns_ = header.anchor_mono_ns;
  // The header's frames replace the known ones; known frames further out are kept when they fit.
  const std::uint32_t shown = std::min<std::uint32_t>(header.shown, shm::kShownFrames);
  bool same = stack_.size() + unknown_ == header.depth && stack_.size() >= shown;
  for (std::uint32_t i = 0; same && i < shown; ++i)
    same = stack_[stack_.size() - 1 - i].frame == header.frames[i].frame;
  if (!same) {
    stack_.resize(shown);
    unknown_ = header.depth > shown ? header.depth - shown : 0;
  }
  for (std::uint32_t i = 0; i < shown; ++i) stack_[stack_.size() - 1 - i] = header.frames[i];
}

shm::BlockHeader PieceScanner::State() const {
  shm::BlockHeader state = block_;
  state.depth = static_cast<std::uint32_t>(stack_.size()) + unknown_;
  state.first_seq = next_seq_;
  state.base_units = units_;
  state.anchor_units = anchor_units_;
  state.anchor_mono_ns = anchor_mono_ns_;
  state.last_frame = last_frame_;
  state.lost = lost_;
  state.shown = static_cast<std::uint32_t>(std::min(stack_.size(), shm::kShownFrames));
  std::fill(std::begin(state.frames), std::end(state.frames), shm::OpenFrame{});
  for (std::uint32_t i = 0; i < state.shown; ++i) state.frames[i] = stack_[stack_.size() - 1 - i];
  return state;
}

TimeBase PieceScanner::Time() const {
  // Hostile words may overflow: unsigned arithmetic wraps.
  const auto anchor_ns = static_cast<std::int64_t>(anchor_mono_ns_ + static_cast<std::uint64_t>(wall_minus_mono_ns_));
  return {anchor_units_, anchor_ns, wall_minus_mono_ns_, ns_per_unit_};
}

std::int64_t PieceScanner::NsAt(std::uint64_t units) const { return daemon::NsAt(Time(), units); }

void PieceScanner::Push(std::uint64_t frame, std::uint32_t code) {
  codes_.Insert(code);
  if (stack_.size() >= kDeepest) {  // drop the outermost half
    unknown_ += static_cast<std::uint32_t>(stack_.size() / 2);
    stack_.erase(stack_.begin(), stack_.begin() + static_cast<std::ptrdiff_t>(stack_.size() / 2));
  }
  stack_.push_back({frame, code, 0});
}

void PieceScanner::Pop() {
  if (!stack_.empty()) {
    stack_.pop_back();
  } else if (unknown_ > 0) {
    --unknown_;
  }
}

struct PieceScanner::Attachments {
  std::size_t end = 0;  // index of the word behind the attachments
  std::uint64_t time_high = 0, anchor_mono_ns = 0, frame = 0;
  const std::uint64_t* loss = nullptr;
  std::string_view exception;  // CBOR [type, message]
};

// Reads attachments by the rules of shm::WordParser. False: they are damaged.
bool PieceScanner::ReadAttachments(const std::uint64_t* words, std::size_t count, std::size_t at, Attachments* out) {
  while (at < count && shm::IsAttachment(shm::WordKind(words[at]))) {
    const std::uint64_t head = words[at++];
    const Kind kind = shm::WordKind(head);
    const bool is_inline = (shm::WordFlagBits(head) & shm::kFlagInline) != 0;
    const std::size_t size = is_inline ? 0 : shm::WordHigh(head);
    if (shm::PayloadWords(size) > count - at) return false;
    const std::uint64_t* const payload = words + at;
    switch (kind) {
      case Kind::kSet:
      case Kind::kPatch:
        variables_.Insert(shm::WordId(head));
        [[fallthrough]];
      case Kind::kValue:
      case Kind::kException:
      case Kind::kText:
        if (!is_inline && (size == 0 || size > shm::kMaxAttachmentBytes)) return false;
        if (kind == Kind::kException) out->exception = {reinterpret_cast<const char*>(payload), size};
        break;
      case Kind::kUnset:
        variables_.Insert(shm::WordId(head));
        [[fallthrough]];
      case Kind::kCode:
        if (is_inline || size != 0) return false;
        break;
      case Kind::kTime:
        if (is_inline || size != shm::kWordBytes || out->time_high != 0 || *payload == 0 || *payload >> 32)
          return false;
        out->time_high = *payload;
        break;
      case Kind::kAnchor:
        if (is_inline || size != shm::kWordBytes) return false;
        out->anchor_mono_ns = *payload;
        break;
      case Kind::kFrame:
        if (is_inline || size != shm::kWordBytes) return false;
        out->frame = *payload;
        break;
      case Kind::kLoss:
        if (is_inline || size != 4 * shm::kWordBytes || out->loss != nullptr) return false;
        out->loss = payload;
        break;
      default:
        return false;
    }
    at += shm::PayloadWords(size);
  }
  out->end = at;
  return true;
}

PieceScanner::Scanned PieceScanner::Scan(const std::uint64_t* words, std::size_t count) {
  Scanned out;
  out.first_seq = next_seq_;
  if (!stack_.empty()) codes_.Insert(stack_.back().code);
  bool anything = false;
  std::size_t at = 0;
  while (at < count) {
    const std::uint64_t word = words[at];
    const Kind kind = shm::WordKind(word);
    if (kind == Kind::kPad) break;
    const bool more = kind == Kind::kMore;
    if ((!shm::IsEvent(kind) && !more) || (shm::IsEvent(kind) && kind > shm::kLastEvent) || (more && at != 0)) {
      out.damaged = true;
      break;
    }
    // The attachments come first: the event needs them, and they must be whole.
    Attachments with;
    if (!ReadAttachments(words, count, at + 1, &with)) {
      out.damaged = true;
      break;
    }
    const std::uint32_t id = shm::WordId(word);
    const std::uint64_t delta = with.time_high << 32 | shm::WordHigh(word);
    const std::uint64_t* const loss = with.loss;
    const bool lost = kind == Kind::kLost;
    if (delta > UINT64_MAX - units_ || next_seq_ >= shm::kMaxCount || (more && delta != 0) ||
        lost != (loss != nullptr) ||
        (lost && (loss[0] != next_seq_ || loss[1] == 0 || loss[1] >= shm::kMaxCount || loss[2] > loss[3]))) {
      out.damaged = true;
      break;
    }
    const std::uint64_t units = units_ + delta;
    at = with.end;
    out.words = at;
    if (more) {
      out.begins_inside = true;
      continue;
    }
    units_ = units;
    if (with.anchor_mono_ns != 0) {
      anchor_units_ = units;
      anchor_mono_ns_ = with.anchor_mono_ns;
    }
    out.kinds |= KindBit(kind);
    if (lost) {
      if (!anything) out.first_ns = NsAt(loss[2]);
      out.lost += loss[1];
      lost_ += loss[1];
      next_seq_ = loss[0] + loss[1];
      anything = true;
      continue;
    }
    if (!anything) out.first_ns = NsAt(units);
    anything = true;
    ++out.events;
    ++next_seq_;
    if (HasLine(kind)) {
      const std::uint32_t line = id != 0 || stack_.empty() ? id : stack_.back().line;
      if (line != 0) out.min_line = out.min_line == 0 ? line : std::min(out.min_line, line);
      out.max_line = std::max(out.max_line, line);
    }
    switch (kind) {
      case Kind::kCall:
        last_frame_ = with.frame != 0 ? with.frame : last_frame_ + 1;
        Push(last_frame_, id);
        break;
      case Kind::kResume:
      case Kind::kThrow:
        Push(with.frame, id);
        break;
      case Kind::kLine:
        if (!stack_.empty()) stack_.back().line = id;
        break;
      case Kind::kUnwind:
        if (stack_.size() == 1 && unknown_ == 0) {
          out.uncaught = with.exception;
          out.uncaught_code = stack_.back().code;
        }
        [[fallthrough]];
      case Kind::kReturn:
      case Kind::kYield:
        Pop();
        if (!stack_.empty()) codes_.Insert(stack_.back().code);
        break;
      case Kind::kRaise:
        ++out.exceptions;
        break;
      case Kind::kThreadEnd:
        out.ends_thread = true;
        break;
      default:
        break;
    }
  }
  out.last_seq = next_seq_ - 1;
  if (!anything) out.first_seq = next_seq_;
  if (anything) out.last_ns = std::max(out.first_ns, NsAt(units_));
  return out;
}

void PieceScanner::Summarize(const Scanned& scanned, Piece* piece) {
  piece->events = scanned.events;
  piece->lost = scanned.lost;
  piece->first_seq = scanned.first_seq;
  piece->last_seq = scanned.last_seq;
  piece->first_ns = scanned.first_ns;
  piece->last_ns = scanned.last_ns;
  piece->min_line = scanned.min_line;
  piece->max_line = scanned.max_line;
  piece->exceptions = scanned.exceptions;
  piece->kinds = scanned.kinds;
  piece->codes = codes_.Take();
  piece->variables = variables_.Take();
}

bool SumUp(Piece* piece) {
  PieceScanner scanner(piece->time.wall_minus_mono_ns);
  scanner.SetNsPerUnit(piece->time.ns_per_unit);
  scanner.EnterBlock(piece->state);
  const PieceScanner::Scanned scanned = scanner.Scan(piece->words.data(), piece->words.size());
  if (scanned.damaged || scanned.begins_inside != piece->begins_inside) return false;
  scanner.Summarize(scanned, piece);
  return true;
}

Piece MakeLossPiece(const shm::BlockHeader& state, const TimeBase& time, std::uint64_t first, std::uint64_t count,
                    std::uint64_t first_units, std::uint64_t last_units) {
  Piece piece;
  piece.state = state;
  piece.state.first_seq = first;
  piece.time = time;
  last_units = std::max(first_units, last_units);
  piece.words = {shm::EventWord(shm::Kind::kLost, 0, 0, 0),
                 shm::AttachmentWord(shm::Kind::kLoss, 0, 0, 4 * shm::kWordBytes),
                 first,
                 count,
                 first_units,
                 last_units};
  piece.first_seq = first;
  piece.last_seq = first + count - 1;
  piece.lost = count;
  piece.kinds = KindBit(shm::Kind::kLost);
  piece.first_ns = NsAt(time, first_units);
  piece.last_ns = std::max(piece.first_ns, NsAt(time, last_units));
  return piece;
}

void AppendPart(const Piece& part, Piece* piece) {
  piece->words.insert(piece->words.end(), part.words.begin(), part.words.end());
  const bool counted = piece->events + piece->lost > 0;
  if (part.events + part.lost > 0) {
    if (!counted) {
      piece->first_seq = part.first_seq;
      piece->first_ns = part.first_ns;
    }
    piece->last_seq = part.last_seq;
    piece->last_ns = std::max(piece->last_ns, part.last_ns);
  }
  piece->events += part.events;
  piece->lost += part.lost;
  piece->codes = Union(piece->codes, part.codes);
  piece->variables = Union(piece->variables, part.variables);
  if (part.min_line != 0)
    piece->min_line = piece->min_line == 0 ? part.min_line : std::min(piece->min_line, part.min_line);
  piece->max_line = std::max(piece->max_line, part.max_line);
  piece->exceptions += part.exceptions;
  piece->kinds |= part.kinds;
}

}  // namespace smiley::daemon
