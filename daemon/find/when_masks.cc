#include "daemon/find/when_masks.h"

#include <algorithm>

#include "daemon/events/event.h"
#include "daemon/events/event_filter.h"

namespace smiley::daemon {
namespace {

using shm::Field;
using shm::Kind;

// The most lines of a code object with masks of their own.
constexpr std::uint32_t kMostLines = 1u << 16;

// An import gives a value to more kinds than the tracer does.
bool MayHaveValue(Kind kind) {
  return kind != Kind::kCall && kind != Kind::kLine && kind != Kind::kRaise && kind != Kind::kHandled &&
         kind != Kind::kUnwind;
}

// The lines that many events can have, and the depth of their frames (negative: any). known(): there is only one
// line.
struct Lines {
  std::uint32_t least = 0, greatest = 0;
  std::int64_t depth = -1;
  bool known() const { return least == greatest && least != 0; }
};

// All events of one kind in one code object, as a Scope.
class ManyEvents final : public shm::PartialScope {
 public:
  // `changed`: the names of the question that the chunk changes. `with`: the frame may have variables.
  ManyEvents(const WhenQuestion& question, const Event& event, const std::string* thread, std::uint64_t changed,
             bool with, Lines lines)
      : question_(question),
        event_(event),
        changed_(changed),
        with_(with),
        lines_(lines),
        scope_(event, nullptr, nullptr, {thread, nullptr}) {}

  bool Knows(Field field) const override {
    switch (field) {
      case Field::kLine:
        return event_.kind == Kind::kCall || lines_.known();  // a call has its code's first line, or none
      case Field::kTask:
      case Field::kDepth:
        return false;
      case Field::kValue:
        return !MayHaveValue(event_.kind);
      case Field::kException:
      case Field::kExceptionType:
      case Field::kExceptionMessage:
        return !HasException(event_.kind);
      default:
        return true;
    }
  }
  // Any name can be a variable of any function: names declared global are not among the code's variables. An event
  // without code has no variables.
  bool MayHave(std::string_view) const override {
    return with_ && (event_.code != nullptr || event_.kind == Kind::kMark);
  }
  bool MayChange(std::string_view name) const override {
    if (!with_) return false;
    for (std::size_t i = 0; i < question_.names.size(); ++i) {
      if (question_.names[i] == name) return i >= 63 || (changed_ >> i & 1) != 0;
    }
    return true;
  }
  bool Bounds(Field field, std::int64_t* least, std::int64_t* greatest) const override {
    if (field == Field::kDepth && lines_.depth >= 0) {
      *least = *greatest = lines_.depth;
      return true;
    }
    if (field != Field::kLine || lines_.greatest == 0) return false;
    *least = lines_.least;
    *greatest = lines_.greatest;
    return true;
  }

  shm::Operand FieldValue(Field field, int alternative) const override {
    return scope_.FieldValue(field, alternative);
  }
  shm::Operand Variable(std::string_view) const override { return {}; }
  bool Changed(std::string_view) const override { return false; }
  shm::Operand Before(std::string_view) const override { return {}; }
  shm::Operand Attribute(const shm::Operand&, std::string_view) const override { return {}; }
  shm::Operand Item(const shm::Operand&, const shm::Operand&) const override { return {}; }
  bool Contains(const shm::Operand&, const shm::Operand&) const override { return false; }
  bool Equal(const shm::Operand&, const shm::Operand&) const override { return false; }
  bool Truthy(const shm::Operand&) const override { return false; }

 private:
  const WhenQuestion& question_;
  const Event& event_;
  const std::uint64_t changed_;
  const bool with_;
  const Lines lines_;
  const EventScope scope_;
};

}  // namespace

WhenQuestion::WhenQuestion(shm::Expression parsed) : expression(std::move(parsed)) {
  for (const std::string& name : expression.Names()) names.push_back(name);
  asks_changed = expression.AsksChanged();
  asks_task = expression.Asks(Field::kTask);
  momentary = asks_changed;
  for (const Field field :
       {Field::kEvent, Field::kValue, Field::kException, Field::kExceptionType, Field::kExceptionMessage}) {
    momentary = momentary || expression.Asks(field);
  }
  asks_line = expression.Asks(Field::kLine);
  asks_depth = expression.Asks(Field::kDepth);
  flowing = asks_task || asks_line || asks_depth;
}

void WhenMasks::Make(Mask* mask, const CodeRecord* code, std::uint32_t line, std::int64_t depth,
                     std::uint64_t changed) {
  mask->made = true;
  Event event;
  event.process = thread_.process;
  event.thread = thread_.thread;
  event.code = code;
  for (unsigned kind = 1; kind <= static_cast<unsigned>(shm::kLastEvent); ++kind) {
    event.kind = static_cast<Kind>(kind);
    event.line = line != 0 ? line : event.kind == Kind::kCall && code != nullptr ? code->first_line : 0;
    for (const bool with : {true, false}) {
      const ManyEvents events(question_, event, &label_, changed, with, {event.line, event.line, depth});
      if (question_.expression.MayHold(events)) (with ? mask->with : mask->without) |= std::uint32_t{1} << kind;
    }
  }
}

WhenMasks::CodeMasks& WhenMasks::MasksIn(Masks* masks, std::uint32_t code) {
  if (code >= masks->size()) masks->resize(std::max<std::size_t>(code + 1, masks->size() * 2));
  CodeMasks& found = (*masks)[code];
  if (!found.found) {
    found.found = true;
    found.code = code == 0 ? nullptr : names_.FindCode(code);
  }
  return found;
}

const WhenMasks::Mask& WhenMasks::MaskOf(CodeMasks* masks, std::uint64_t changed) {
  if (!masks->any.made) Make(&masks->any, masks->code, 0, kAnyDepth, changed);
  return masks->any;
}

const WhenMasks::Mask& WhenMasks::MaskAt(CodeMasks* masks, std::uint32_t line, std::uint64_t changed) {
  if (!question_.asks_line || masks->code == nullptr) return MaskOf(masks, changed);
  const std::uint32_t first = masks->code->first_line;
  if (line == 0) line = first;
  const std::uint32_t at = line - first;
  if (line < first || at >= kMostLines || line == 0) return MaskOf(masks, changed);
  if (at >= masks->lines.size()) masks->lines.resize(at + 1);
  Mask& mask = masks->lines[at];
  if (!mask.made) Make(&mask, masks->code, line, kAnyDepth, changed);
  return mask;
}

// Whether the expression can hold on the lines in the summary.
bool WhenMasks::MayHoldOnLines(const Piece& summary, std::uint64_t changed) {
  Masks& masks = MasksFor(changed);
  Event event;
  event.process = thread_.process;
  event.thread = thread_.thread;
  const auto may = [&](std::uint32_t id) {
    CodeMasks& in = MasksIn(&masks, id);
    const std::uint32_t kinds = MaskOf(&in, changed).with & summary.kinds;
    if ((kinds & ~shm::kKindsWithLine) != 0) return true;  // the summary's lines do not cover these kinds
    event.code = in.code;
    // An event without a line of its own has the code's first line.
    Lines lines{summary.min_line, summary.max_line};
    if (const std::uint32_t first = in.code != nullptr ? in.code->first_line : 0) {
      lines.least = lines.least == 0 ? first : std::min(lines.least, first);
      lines.greatest = std::max(lines.greatest, first);
    }
    event.line = lines.known() ? lines.least : 0;
    for (unsigned kind = 1; kind <= static_cast<unsigned>(shm::kLastEvent); ++kind) {
      if ((kinds >> kind & 1) == 0) continue;
      event.kind = static_cast<Kind>(kind);
      if (question_.expression.MayHold(ManyEvents(question_, event, &label_, changed, true, lines))) return true;
    }
    return false;
  };
  return may(0) || std::any_of(summary.codes.begin(), summary.codes.end(), may);
}

}  // namespace smiley::daemon
