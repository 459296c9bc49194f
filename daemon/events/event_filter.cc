#include "daemon/events/event_filter.h"

#include <charconv>
#include <limits>
#include <optional>

#include "shm/kind_names.h"

namespace smiley::daemon {
namespace {

using shm::Field;
using shm::Operand;

// A generator that is dropped unfinished never returns. Beyond this many frames the oldest are removed.
constexpr std::size_t kMaxTrackedFrames = 65536;

const Value& ValueOf(const Operand& o) { return *static_cast<const Value*>(o.object); }

std::optional<double> Number(std::string_view text) {
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The filter language compares integers beyond 64 bits as doubles.
Operand BigInteger(const Value& value) {
  const bool negative = value.text.starts_with('-');
  const std::optional<double> number = Number(value.text);
  const bool cut_digits = value.text.size() >= 256;
  if (value.integer > 1024 || cut_digits || !number) {
    const double infinite = std::numeric_limits<double>::infinity();
    return Operand::Float(negative ? -infinite : infinite);
  }
  return Operand::Float(*number);
}

// Decimal and Fraction compare as numbers; other texts (enum members, dates, paths) compare as texts.
Operand TextForm(const Value& value) {
  if (value.type_name == "Decimal") {
    if (const auto number = Number(value.text)) return Operand::Float(*number);
  } else if (value.type_name == "Fraction") {
    const std::size_t slash = value.text.find('/');
    const auto top = Number(std::string_view(value.text).substr(0, slash));
    const auto bottom =
        slash == std::string::npos ? std::optional(1.0) : Number(std::string_view(value.text).substr(slash + 1));
    if (top && bottom && *bottom != 0) return Operand::Float(*top / *bottom);
  }
  return Operand::Text(value.text);
}

Operand ToOperand(const Value& value) {
  switch (value.type) {
    case Value::Type::kNone:
      return Operand::None();
    case Value::Type::kBool:
      return Operand::Bool(value.flag);
    case Value::Type::kInt:
      return Operand::Int(value.integer);
    case Value::Type::kFloat:
      return Operand::Float(value.number);
    case Value::Type::kStr:
    case Value::Type::kBytes:
      return Operand::Text(value.text);
    case Value::Type::kForm:
      break;
  }
  if (value.IsStr() || value.IsBytes()) return Operand::Text(value.text);
  switch (value.form) {
    case kFormBigInt:
      return BigInteger(value);
    case kFormText:
      return TextForm(value);
    case kFormRedacted:
    case kFormLost:
    case kFormUnbound:
      return {};
    case kFormSubclass: {
      // A str or int with a class of its own counts as its inner value; its attributes cannot be named.
      if (value.items.empty()) break;
      const Operand inner = ToOperand(value.Builtin());
      if (inner.type != Operand::Type::kObject) return inner;
      break;
    }
    default:
      break;
  }
  return Operand::Object(&value);
}
Operand ToOperand(const ValuePtr& value) { return value == nullptr ? Operand() : ToOperand(*value); }

// Finds the container or object with this id within a value.
const Value* FindId(const Value& value, std::uint64_t id, int depth) {
  if (value.id == id && value.type == Value::Type::kForm && value.form != kFormRef) return &value;
  if (depth == 0) return nullptr;
  for (const ValuePtr& item : value.items) {
    if (const Value* found = item ? FindId(*item, id, depth - 1) : nullptr) return found;
  }
  for (const auto& [name, attribute] : value.attributes) {
    if (const Value* found = attribute ? FindId(*attribute, id, depth - 1) : nullptr) return found;
  }
  return nullptr;
}

bool EqualValues(const Value& a, const Value& b, int depth);

bool EqualItems(const Value& a, const Value& b, int depth) {
  if (a.items.size() != b.items.size() || a.cut != b.cut || a.has_items != b.has_items) return false;
  const bool pairs = IsDictForm(a.form);
  const bool unordered = pairs || a.Is(kFormSet) || a.Is(kFormFrozenset);
  const std::size_t step = pairs ? 2 : 1;
  for (std::size_t i = 0; i + step <= a.items.size(); i += step) {
    const auto fits = [&](std::size_t j) {
      return EqualValues(*a.items[i], *b.items[j], depth) &&
             (!pairs || EqualValues(*a.items[i + 1], *b.items[j + 1], depth));
    };
    bool found = fits(i);  // in most cases the position has not changed
    for (std::size_t j = 0; unordered && !found && j + step <= b.items.size(); j += step) found = fits(j);
    if (!found) return false;
  }
  return true;
}

bool EqualAttributes(const Value& a, const Value& b, int depth) {
  if (a.attributes.size() != b.attributes.size() || a.cut != b.cut) return false;
  for (const auto& [name, value] : a.attributes) {
    bool found = false;
    for (const auto& [other_name, other] : b.attributes) {
      if (other_name == name) found = EqualValues(*value, *other, depth);
    }
    if (!found) return false;
  }
  return true;
}

// Compares as Python's == does, by captured contents: numbers by value, containers and objects by kind and contents.
bool EqualValues(const Value& a, const Value& b, int depth) {
  if (&a == &b) return true;
  if (depth == 0) return false;
  const Operand x = ToOperand(a), y = ToOperand(b);
  if (x.type != Operand::Type::kObject || y.type != Operand::Type::kObject) {
    return shm::SameValue(ToOperand(a), ToOperand(b)) || (x.missing() && y.missing() && a.form == b.form);
  }
  if (a.Is(kFormSubclass) || b.Is(kFormSubclass)) {
    if (a.Is(kFormSubclass) && b.Is(kFormSubclass) && !EqualAttributes(a, b, depth - 1)) return false;
    const Value &inner_a = a.Builtin(), &inner_b = b.Builtin();
    return (&inner_a != &a || &inner_b != &b) && EqualValues(inner_a, inner_b, depth - 1);
  }
  const bool dicts = IsDictForm(a.form) && IsDictForm(b.form);
  const bool sets = (a.Is(kFormSet) || a.Is(kFormFrozenset)) && (b.Is(kFormSet) || b.Is(kFormFrozenset));
  if (a.form != b.form && !dicts && !sets) return false;
  switch (a.form) {
    case kFormRef:
      return a.id == b.id;
    case kFormComplex:
      return a.number == b.number && a.imag == b.imag;
    case kFormUnreadable:
      return false;
    case kFormException:
      return a.class_name == b.class_name && EqualItems(a, b, depth - 1);
    case kFormObject:
      if (a.class_name != b.class_name || a.has_items != b.has_items) return false;
      return a.has_items ? EqualAttributes(a, b, depth - 1) : a.id == b.id;
    default:
      return EqualItems(a, b, depth - 1);
  }
}

}  // namespace

EventScope::EventScope(const Event& event, const FrameVariables* variables, const ValuesByName* before, Names names)
    : event_(event), variables_(variables), before_(before), names_(names) {
  if (event_.exception_type.empty()) return;
  exception_ = event_.exception_type;
  if (!event_.exception_message.empty()) exception_ += ": " + event_.exception_message;
}

Operand EventScope::FieldValue(Field field, int alternative) const {
  const auto text = [](std::string_view t) { return t.empty() ? Operand() : Operand::Text(t); };
  const auto after = [](std::string_view t, char mark) {
    const std::size_t at = t.rfind(mark);
    return at == std::string_view::npos ? Operand() : Operand::Text(t.substr(at + 1));
  };
  const bool first = alternative == 0;
  switch (field) {
    case Field::kEvent:
      return first ? text(shm::KindName(event_.kind)) : Operand();
    case Field::kFunction:
      if (event_.code == nullptr || alternative > 1) return {};
      return first ? text(event_.code->function) : after(event_.code->function, '.');
    case Field::kFile:
      if (event_.code == nullptr || alternative > 1) return {};
      return first ? text(event_.code->file) : after(event_.code->file, '/');
    case Field::kLine:
      return first && event_.line != 0 ? Operand::Int(event_.line) : Operand();
    case Field::kThread:
      if (alternative == 1 && names_.thread != nullptr) return text(*names_.thread);
      return first && event_.thread != 0 ? Operand::Int(event_.thread) : Operand();
    case Field::kProcess:
      return first && event_.process != 0 ? Operand::Int(event_.process) : Operand();
    case Field::kTask:
      if (event_.task == 0) return {};
      if (alternative == 1 && names_.task != nullptr) return text(*names_.task);
      return first ? Operand::Int(event_.task) : Operand();
    case Field::kDepth:
      return first && event_.frame != 0 ? Operand::Int(event_.depth) : Operand();
    case Field::kValue:
      return first ? ToOperand(event_.value) : Operand();
    case Field::kException:
      switch (alternative) {
        case 0:
          return text(exception_);
        case 1:
          return text(event_.exception_type);
        case 2: {
          // A type without a module is its own last part; the list must still hold the message.
          const Operand last = after(event_.exception_type, '.');
          return last.missing() ? text(event_.exception_type) : last;
        }
        case 3:
          return exception_.empty() ? Operand() : Operand::Text(event_.exception_message);
        default:
          return {};
      }
    case Field::kExceptionType:
      if (alternative > 1) return {};
      return first ? text(event_.exception_type) : after(event_.exception_type, '.');
    case Field::kExceptionMessage:
      return first && !exception_.empty() ? Operand::Text(event_.exception_message) : Operand();
  }
  return {};
}

Operand EventScope::Variable(std::string_view name) const {
  for (const auto& [changed, value] : event_.changed) {
    if (*changed == name) return ToOperand(value);
  }
  if (variables_ == nullptr) return {};
  for (const auto& [variable, value] : *variables_) {
    if (*variable == name) return ToOperand(value);
  }
  return {};
}

bool EventScope::Changed(std::string_view name) const {
  for (const auto& [changed, value] : event_.changed) {
    if (*changed == name) return true;
  }
  return false;
}

Operand EventScope::Before(std::string_view name) const {
  if (before_ == nullptr) return {};
  const auto found = before_->find(name);
  return found == before_->end() ? Operand() : ToOperand(found->second);
}

const Value& EventScope::Resolve(const Operand& object) const {
  const Value& value = ValueOf(object);
  if (!value.Is(kFormRef)) return value;
  const auto search = [&](const ValuePtr& root) { return root ? FindId(*root, value.id, kMaxValueDepth) : nullptr; };
  for (const auto& [name, root] : event_.changed) {
    if (const Value* found = search(root)) return *found;
  }
  if (const Value* found = search(event_.value)) return *found;
  if (variables_ == nullptr) return value;
  for (const auto& [name, root] : *variables_) {
    if (const Value* found = search(root)) return *found;
  }
  return value;
}

Operand EventScope::Attribute(const Operand& object, std::string_view name) const {
  const Value& value = Resolve(object);
  for (const auto& [attribute, part] : value.attributes) {
    if (attribute == name) return ToOperand(part);
  }
  if (value.Is(kFormException)) {
    if (name == "args") return Operand::Object(&value);
    if (name == "__cause__") return value.cause ? ToOperand(value.cause) : Operand::None();
    if (name == "__context__") return value.context ? ToOperand(value.context) : Operand::None();
  }
  if (value.Is(kFormComplex) && name == "real") return Operand::Float(value.number);
  if (value.Is(kFormComplex) && name == "imag") return Operand::Float(value.imag);
  return {};
}

Operand EventScope::Item(const Operand& object, const Operand& key) const {
  const Value& value = Resolve(object).Builtin();
  if (IsDictForm(value.form)) {
    for (std::size_t i = 0; i + 1 < value.items.size(); i += 2) {
      if (shm::SameValue(ToOperand(*value.items[i]), key)) return ToOperand(value.items[i + 1]);
    }
    return {};
  }
  const bool sequence =
      value.Is(kFormList) || value.Is(kFormTuple) || value.Is(kFormDeque) || value.Is(kFormException);
  if (!sequence || key.type != Operand::Type::kInt) return {};
  const auto kept = static_cast<std::int64_t>(value.items.size());
  std::int64_t index = key.integer;
  if (index < 0) index += kept + static_cast<std::int64_t>(value.cut);
  return index >= 0 && index < kept ? ToOperand(value.items[static_cast<std::size_t>(index)]) : Operand();
}

bool EventScope::Contains(const Operand& object, const Operand& needle) const {
  const Value& value = Resolve(object).Builtin();
  const std::size_t step = IsDictForm(value.form) ? 2 : 1;
  if (step == 1 && !IsSequenceForm(value.form) && !value.Is(kFormException)) return false;
  for (std::size_t i = 0; i < value.items.size(); i += step) {
    const bool same = needle.type == Operand::Type::kObject
                          ? EqualValues(*value.items[i], ValueOf(needle), kMaxValueDepth)
                          : shm::SameValue(ToOperand(*value.items[i]), needle);
    if (same) return true;
  }
  return false;
}

bool EventScope::Equal(const Operand& object, const Operand& other_object) const {
  return EqualValues(Resolve(object), Resolve(other_object), kMaxValueDepth);
}

bool EventScope::Truthy(const Operand& object) const {
  const Value& value = Resolve(object).Builtin();
  if (IsDictForm(value.form) || IsSequenceForm(value.form)) return !value.items.empty() || value.cut > 0;
  if (value.Is(kFormComplex)) return value.number != 0 || value.imag != 0;
  const Operand plain = ToOperand(value);
  if (plain.type == Operand::Type::kText) return !plain.text.empty();
  if (plain.type == Operand::Type::kInt) return plain.integer != 0;
  if (plain.type == Operand::Type::kFloat) return plain.number != 0;
  return true;
}

EventFilter::EventFilter(shm::Expression expression) : expression_(std::move(expression)) {
  names_ = expression_.Names();
}

void EventFilter::SetNames(const std::vector<ThreadInfo>& threads, const std::vector<TaskInfo>& tasks) {
  for (const ThreadInfo& thread : threads) thread_names_[thread.thread] = thread.name;
  for (const TaskInfo& task : tasks) task_names_[std::uint64_t{task.process} << 32 | task.task] = task.name;
}

bool EventFilter::Matches(const Event& event, const Decoder* decoder) {
  EventScope::Names names;
  if (const auto thread = thread_names_.find(event.thread); thread != thread_names_.end()) {
    names.thread = &thread->second;
  }
  if (const auto task = task_names_.find(std::uint64_t{event.process} << 32 | event.task);
      event.task != 0 && task != task_names_.end()) {
    names.task = &task->second;
  }
  const FrameVariables* variables =
      decoder != nullptr && event.frame != 0 ? decoder->Variables(event.frame) : nullptr;
  if (!expression_.NeedsBefore() || event.frame == 0) {
    return expression_.Eval(EventScope(event, variables, nullptr, names));
  }
  const auto key = std::pair(event.process, event.frame);
  auto last = last_.find(key);
  const bool matches =
      expression_.Eval(EventScope(event, variables, last == last_.end() ? nullptr : &last->second, names));
  if (EndsFrame(event.kind)) {
    if (last != last_.end()) last_.erase(last);
    return matches;
  }
  for (const auto& [name, value] : event.changed) {
    if (!names_.contains(*name)) continue;
    if (last == last_.end()) last = last_.try_emplace(key).first;
    last->second.insert_or_assign(*name, value);
  }
  if (last_.size() > kMaxTrackedFrames) last_.erase(last_.begin());
  return matches;
}

}  // namespace smiley::daemon
