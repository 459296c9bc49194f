#include <cmath>
#include <utility>

#include "shm/expression/expression.h"

namespace smiley::shm {
namespace {

using Type = Operand::Type;

enum class Order { kLess, kEqual, kGreater, kNone };

template <typename T>
Order OrderOf(T a, T b) {
  return a < b ? Order::kLess : a > b ? Order::kGreater : a == b ? Order::kEqual : Order::kNone;
}

// Compares exactly, also when the integer has more digits than a double holds.
Order CompareIntFloat(std::int64_t i, double d) {
  if (std::isnan(d)) return Order::kNone;
  if (d >= 9223372036854775808.0) return Order::kLess;
  if (d < -9223372036854775808.0) return Order::kGreater;
  const double whole = std::trunc(d);
  const Order order = OrderOf(i, static_cast<std::int64_t>(whole));
  return order == Order::kEqual ? OrderOf(0.0, d - whole) : order;
}

bool IsNumber(const Operand& o) { return o.type == Type::kBool || o.type == Type::kInt || o.type == Type::kFloat; }
std::int64_t Integer(const Operand& o) { return o.type == Type::kBool ? o.boolean : o.integer; }

Order Compare(const Operand& a, const Operand& b) {
  if (a.type == Type::kText && b.type == Type::kText) {
    // UTF-8 sorts like code points, and std::string_view compares bytes as unsigned.
    return OrderOf(a.text.compare(b.text), 0);
  }
  if (!IsNumber(a) || !IsNumber(b)) return Order::kNone;
  if (a.type == Type::kFloat && b.type == Type::kFloat) return OrderOf(a.number, b.number);
  if (a.type == Type::kFloat) {
    const Order order = CompareIntFloat(Integer(b), a.number);
    return order == Order::kLess ? Order::kGreater : order == Order::kGreater ? Order::kLess : order;
  }
  if (b.type == Type::kFloat) return CompareIntFloat(Integer(a), b.number);
  return OrderOf(Integer(a), Integer(b));
}

// The character at `index` (negative: from the end); missing beyond the text.
Operand CharacterAt(std::string_view text, std::int64_t index) {
  const auto begins = [&](std::size_t i) { return (text[i] & 0xc0) != 0x80; };
  if (index < 0) {
    std::int64_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) count += begins(i);
    index += count;
    if (index < 0) return {};
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!begins(i) || index-- != 0) continue;
    std::size_t end = i + 1;
    while (end < text.size() && !begins(end)) ++end;
    return Operand::Text(text.substr(i, end - i));
  }
  return {};
}

// "Order" and "Shop.Order" name the function app.Shop.Order, whose qualified name ends in them. "Order" is not
// MyOrder.
bool NamesFunction(std::string_view qualified, std::string_view prefix) {
  if (!qualified.ends_with(prefix)) return false;
  return qualified.size() == prefix.size() || qualified[qualified.size() - prefix.size() - 1] == '.';
}

}  // namespace

bool SameValue(const Operand& a, const Operand& b) {
  if (a.type == Type::kNone && b.type == Type::kNone) return true;
  return Compare(a, b) == Order::kEqual;
}

// Finds the pattern's parts between the stars one after the other, each at its first place. The pattern has an
// implied star at both ends, so this finds a match whenever there is one.
bool TextMatches(std::string_view text, std::string_view pattern) {
  std::size_t at = 0, p = 0;
  while (p < pattern.size()) {
    if (pattern[p] == '*') {
      ++p;
      continue;
    }
    // A part ends at the next bare star. \* and \\ match * and \, so the part is compared character by character.
    bool found = false;
    std::size_t part_end = p;
    for (std::size_t start = at; !found && start <= text.size(); ++start) {
      std::size_t i = start, q = p;
      while (q < pattern.size() && pattern[q] != '*') {
        const bool escaped =
            pattern[q] == '\\' && q + 1 < pattern.size() && (pattern[q + 1] == '*' || pattern[q + 1] == '\\');
        if (i >= text.size() || text[i] != pattern[q + escaped]) break;
        ++i;
        q += 1 + escaped;
      }
      if (q >= pattern.size() || pattern[q] == '*') {
        found = true;
        at = i;
        part_end = q;
      }
    }
    if (!found) return false;
    p = part_end;
  }
  return true;
}

class ExpressionEvaluator {
 public:
  ExpressionEvaluator(const Expression& expression, const Scope& scope) : e_(expression), scope_(scope) {}

  bool Truth(std::uint32_t id) const {
    const Node& node = e_.nodes_[id];
    switch (node.op) {
      case Op::kOr:
        for (auto i = node.first; i != kNone; i = e_.nodes_[i].next) {
          if (Truth(i)) return true;
        }
        return false;
      case Op::kAnd:
        for (auto i = node.first; i != kNone; i = e_.nodes_[i].next) {
          if (!Truth(i)) return false;
        }
        return true;
      case Op::kNot:
        return !Truth(node.first);
      case Op::kChanged:
        return Changed(e_.nodes_[node.first]);
      case Op::kTruth:
        return IsTrue(Value(node.first, 0));
      default:
        return Comparison(node);
    }
  }

 private:
  using Op = Expression::Op;
  using Node = Expression::Node;
  static constexpr std::uint32_t kNone = Expression::kNone;

  bool IsTrue(const Operand& o) const {
    switch (o.type) {
      case Type::kBool:
        return o.boolean;
      case Type::kInt:
        return o.integer != 0;
      case Type::kFloat:
        return o.number != 0;
      case Type::kText:
        return !o.text.empty();
      case Type::kObject:
        return scope_.Truthy(o);
      default:
        return false;
    }
  }

  bool HasAlternatives(std::uint32_t id) const {
    const Node& node = e_.nodes_[id];
    return node.op == Op::kField && node.first == kNone;
  }

  bool Comparison(const Node& node) const {
    const std::uint32_t left = node.first, right = e_.nodes_[left].next;
    const bool negative = node.op == Op::kNe || node.op == Op::kNotIn || node.op == Op::kIsNot;
    const bool many_left = HasAlternatives(left), many_right = HasAlternatives(right);
    bool present = false;
    for (int i = 0;; ++i) {
      const Operand a = Value(left, i);
      if (a.missing()) break;
      if (e_.nodes_[right].op == Op::kList) {
        present = true;
        if (InList(a, e_.nodes_[right])) return !negative;
      } else {
        for (int j = 0;; ++j) {
          const Operand b = Value(right, j);
          if (b.missing()) break;
          present = true;
          if (Holds(node.op, a, b)) return !negative;
          if (!many_right) break;
        }
      }
      if (!many_left) break;
    }
    return negative && present;
  }

  bool InList(const Operand& a, const Node& list) const {
    for (auto i = list.first; i != kNone; i = e_.nodes_[i].next) {
      for (int j = 0;; ++j) {
        const Operand b = Value(i, j);
        if (b.missing()) break;
        if (Same(a, b)) return true;
        if (!HasAlternatives(i)) break;
      }
    }
    return false;
  }

  bool Same(const Operand& a, const Operand& b) const {
    if (a.type == Type::kObject && b.type == Type::kObject) return scope_.Equal(a, b);
    return SameValue(a, b);
  }

  // Compares two operands that are not missing. kNe and kNotIn: their positive form.
  bool Holds(Op op, const Operand& a, const Operand& b) const {
    switch (op) {
      case Op::kEq:
      case Op::kNe:
        return Same(a, b);
      case Op::kIs:
      case Op::kIsNot:
        return a.type == b.type && SameValue(a, b);
      case Op::kMatch:
        return a.type == Type::kText && b.type == Type::kText && TextMatches(a.text, b.text);
      case Op::kIn:
      case Op::kNotIn:
        if (b.type == Type::kObject) return scope_.Contains(b, a);
        return a.type == Type::kText && b.type == Type::kText && b.text.find(a.text) != std::string_view::npos;
      default:
        break;
    }
    switch (Compare(a, b)) {
      case Order::kLess:
        return op == Op::kLt || op == Op::kLe;
      case Order::kEqual:
        return op == Op::kLe || op == Op::kGe;
      case Order::kGreater:
        return op == Op::kGt || op == Op::kGe;
      case Order::kNone:
        break;
    }
    return false;
  }

  Operand Value(std::uint32_t id, int alternative) const {
    const Node& node = e_.nodes_[id];
    switch (node.op) {
      case Op::kLiteral:
        return Literal(node);
      case Op::kField:
        return Steps(scope_.FieldValue(node.field, alternative), node.first);
      case Op::kVariable: {
        const Place place = Find(node);
        return Steps(scope_.Variable(place.name), place.steps);
      }
      default:
        return {};
    }
  }

  Operand Literal(const Node& node) const {
    switch (node.type) {
      case Type::kNone:
        return Operand::None();
      case Type::kBool:
        return Operand::Bool(node.integer != 0);
      case Type::kInt:
        return Operand::Int(node.integer);
      case Type::kFloat:
        return Operand::Float(node.number);
      default:
        return Operand::Text(e_.TextOf(node));
    }
  }

  // A variable's name, and the first of the steps after it.
  struct Place {
    std::string_view name;
    std::uint32_t steps;
  };
  // The variable as written. If the frame has no such variable and runs a function of that name: that function's
  // variable.
  Place Find(const Node& node) const {
    const Place written{e_.TextOf(node), node.first};
    if (node.plain || node.first == kNone || e_.nodes_[node.first].op != Op::kAttribute) return written;
    if (!scope_.Variable(written.name).missing()) return written;
    const Operand function = scope_.FieldValue(Field::kFunction, 0);
    if (function.type != Type::kText) return written;
    const std::string_view dotted = std::string_view(e_.texts_).substr(node.dotted, node.dotted_size);
    std::size_t prefix = node.size;
    for (auto i = node.first; i != kNone && e_.nodes_[i].op == Op::kAttribute; i = e_.nodes_[i].next) {
      if (NamesFunction(function.text, dotted.substr(0, prefix))) return {e_.TextOf(e_.nodes_[i]), e_.nodes_[i].next};
      prefix += 1 + e_.nodes_[i].size;
    }
    return written;
  }

  Operand Steps(Operand value, std::uint32_t step) const {
    for (; step != kNone && !value.missing(); step = e_.nodes_[step].next) {
      const Node& node = e_.nodes_[step];
      if (node.op == Op::kAttribute) {
        value = value.type == Type::kObject ? scope_.Attribute(value, e_.TextOf(node)) : Operand();
        continue;
      }
      const Operand key = Value(node.first, 0);
      if (key.missing()) return {};
      if (value.type == Type::kObject) {
        value = scope_.Item(value, key);
      } else if (value.type == Type::kText && (key.type == Type::kInt || key.type == Type::kBool)) {
        value = CharacterAt(value.text, Integer(key));
      } else {
        return {};
      }
    }
    return value;
  }

  // A part has changed when its variable has changed and the part differs from before. A part that was not known
  // before has changed when it exists now.
  bool Changed(const Node& node) const {
    const Place place = Find(node);
    if (!scope_.Changed(place.name)) return false;
    if (place.steps == kNone) return true;
    const Operand now = Steps(scope_.Variable(place.name), place.steps);
    const Operand before = Steps(scope_.Before(place.name), place.steps);
    if (now.missing() || before.missing()) return now.missing() != before.missing();
    const bool same = now.type == before.type && (SameValue(now, before) || BothNan(now, before) ||
                                                  (now.type == Type::kObject && scope_.Equal(now, before)));
    return !same;
  }
  static bool BothNan(const Operand& a, const Operand& b) {
    return a.type == Type::kFloat && b.type == Type::kFloat && std::isnan(a.number) && std::isnan(b.number);
  }

  const Expression& e_;
  const Scope& scope_;
};

// Kleene's logic: an operand that is not known for the group of events may be true or false.
class PartialEvaluator {
 public:
  enum class Answer { kNo, kPerhaps, kYes };
  PartialEvaluator(const Expression& expression, const PartialScope& scope) : e_(expression), scope_(scope) {}

  Answer Truth(std::uint32_t id) const {
    const Node& node = e_.nodes_[id];
    switch (node.op) {
      case Op::kOr:
      case Op::kAnd: {
        const Answer decides = node.op == Op::kOr ? Answer::kYes : Answer::kNo;
        Answer all = node.op == Op::kOr ? Answer::kNo : Answer::kYes;
        for (auto i = node.first; i != Expression::kNone; i = e_.nodes_[i].next) {
          const Answer one = Truth(i);
          if (one == decides) return one;
          if (one == Answer::kPerhaps) all = one;
        }
        return all;
      }
      case Op::kNot: {
        const Answer inner = Truth(node.first);
        return inner == Answer::kYes ? Answer::kNo : inner == Answer::kNo ? Answer::kYes : inner;
      }
      case Op::kChanged:
        return AnyName(node.first, [this](std::string_view name) { return scope_.MayChange(name); })
                   ? Answer::kPerhaps
                   : Answer::kNo;
      default:
        if (OutOfBounds(node)) return Answer::kNo;
        if (Unknown(id)) return Answer::kPerhaps;
        return ExpressionEvaluator(e_, scope_).Truth(id) ? Answer::kYes : Answer::kNo;
    }
  }

 private:
  using Op = Expression::Op;
  using Node = Expression::Node;

  // Tests the names that a path may mean: its variable, and its attributes, which may be a function's variables.
  template <typename Test>
  bool AnyName(std::uint32_t id, const Test& test) const {
    const Node& node = e_.nodes_[id];
    if (node.op != Op::kVariable) return true;
    if (test(e_.TextOf(node))) return true;
    if (node.plain) return false;
    for (auto i = node.first; i != Expression::kNone && e_.nodes_[i].op == Op::kAttribute; i = e_.nodes_[i].next) {
      if (test(e_.TextOf(e_.nodes_[i]))) return true;
    }
    return false;
  }
  // Whether a field or variable in the subtree is not known.
  bool Unknown(std::uint32_t id) const {
    const Node& node = e_.nodes_[id];
    if (node.op == Op::kField && !scope_.Knows(node.field)) return true;
    if (node.op == Op::kVariable && AnyName(id, [this](std::string_view name) { return scope_.MayHave(name); })) {
      return true;
    }
    for (auto i = node.first; i != Expression::kNone; i = e_.nodes_[i].next) {
      if (Unknown(i)) return true;
    }
    return false;
  }

  // Whether the node compares a field with literals that are outside of the field's bounds.
  bool OutOfBounds(const Node& node) const {
    if (node.op < Op::kEq || node.op > Op::kIsNot) return false;
    const Node* left = &e_.nodes_[node.first];
    const Node* right = &e_.nodes_[left->next];
    Op op = node.op;
    if (left->op == Op::kLiteral && right->op == Op::kField) {
      std::swap(left, right);
      constexpr Op kMirrored[] = {Op::kGt, Op::kGe, Op::kLt, Op::kLe};
      if (op >= Op::kLt && op <= Op::kGe) op = kMirrored[static_cast<int>(op) - static_cast<int>(Op::kLt)];
      if (op == Op::kIn || op == Op::kMatch) return false;
    }
    std::int64_t least = 0, greatest = 0;
    if (left->op != Op::kField || left->first != Expression::kNone || scope_.Knows(left->field) ||
        !scope_.Bounds(left->field, &least, &greatest)) {
      return false;
    }
    if (op == Op::kIn && right->op == Op::kList) {
      for (auto i = right->first; i != Expression::kNone; i = e_.nodes_[i].next) {
        if (e_.nodes_[i].op != Op::kLiteral || !Beyond(Op::kEq, e_.nodes_[i], least, greatest)) return false;
      }
      return true;
    }
    return right->op == Op::kLiteral && Beyond(op, *right, least, greatest);
  }
  // True when `op` holds for no integer from `least` to `greatest` and the literal.
  static bool Beyond(Op op, const Node& literal, std::int64_t least, std::int64_t greatest) {
    if (literal.type != Type::kInt) return false;
    const std::int64_t value = literal.integer;
    switch (op) {
      case Op::kEq:
        return value < least || value > greatest;
      case Op::kLt:
        return least >= value;
      case Op::kLe:
        return least > value;
      case Op::kGt:
        return greatest <= value;
      case Op::kGe:
        return greatest < value;
      default:
        return false;
    }
  }

  const Expression& e_;
  const PartialScope& scope_;
};

bool Expression::MayHold(const PartialScope& scope) const {
  return PartialEvaluator(*this, scope).Truth(root_) != PartialEvaluator::Answer::kNo;
}

bool Expression::Asks(Field field) const {
  for (const Node& node : nodes_) {
    if (node.op == Op::kField && node.field == field) return true;
  }
  return false;
}

bool Expression::AsksChanged() const {
  for (const Node& node : nodes_) {
    if (node.op == Op::kChanged) return true;
  }
  return false;
}

bool Expression::Eval(const Scope& scope) const { return ExpressionEvaluator(*this, scope).Truth(root_); }

}  // namespace smiley::shm
