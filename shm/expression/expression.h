// Thread rule: an Expression is immutable once parsed and may be evaluated by any thread; a Scope belongs to the
// caller.
//
// The filter language of --where and smiley-when. The tracer, the daemon and the requests of the page use the same
// parser (expression_parser.cc) and evaluator (expression_eval.cc).
//
//   function == "pay" and amount < 0        file ~ "models.py" and self.total > 100
//   event == raise and exception ~ "KeyError"       cart["a"][0].price changed and depth < 5
//
// * Fields: event function file line thread process task depth value exception. Any other name is a variable. A
//   variable with the name of a field is written `var.line`.
// * `Order.total` is the attribute total of the variable Order. If the frame has no variable Order and runs the
//   function Order, it is that function's variable total. The function's qualified name is Order or ends in `.Order`.
// * == != < <= > >= chain as in Python. `in` and `not in` take a list of operands, a container or a text.
// * `~` finds a text inside a text, case-sensitive. In the pattern, * matches any characters and \* an asterisk.
// * `is None`, `is not None` and `is True` compare the type, too.
// * `NAME changed` is true at the events that changed the variable NAME.
// * A variable, attribute or item that does not exist is missing. A missing operand is false, and so is every
//   comparison with it, also != and `not in`. `not` makes such a comparison true.
// * Values of different types are unequal, and neither is less or greater. Evaluation never fails with an error.
// * Numbers compare exactly, whatever their type. True is 1, as in Python.
// * Some fields have several values, all names of one thing. A comparison holds when it holds for one of the values.
//   != and `not in` hold when the equality holds for none.
//   - function: the qualified name; the name after its last dot
//   - file: the path; the base name
//   - thread: the number; the name
//   - exception: "Type: message"; the type with its module; the type without its module; the message
//
// Evaluation allocates nothing, throws nothing, reads no locale and uses a bounded stack.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shm/base/status.h"

namespace smiley::shm {

inline constexpr std::size_t kMaxExpressionBytes = 64 * 1024;
inline constexpr int kMaxExpressionNesting = 200;

enum class Field : std::uint8_t {
  kEvent,
  kFunction,
  kFile,
  kLine,
  kThread,
  kProcess,
  kTask,
  kDepth,
  kValue,
  kException,
  kExceptionType,     // exception.type
  kExceptionMessage,  // exception.message
};

// The value of a name or literal. `text` and `object` refer to memory of the scope; a literal's `text` refers to the
// expression.
struct Operand {
  enum class Type : std::uint8_t { kMissing, kNone, kBool, kInt, kFloat, kText, kObject };
  Type type = Type::kMissing;
  union {
    bool boolean;
    std::int64_t integer;
    double number;
    const void* object = nullptr;  // kObject: a handle that only the scope understands
  };
  std::string_view text;  // kText: UTF-8, also with lone surrogates

  static Operand Missing() { return {}; }
  static Operand None();
  static Operand Bool(bool v);
  static Operand Int(std::int64_t v);
  static Operand Float(double v);
  static Operand Text(std::string_view v);
  static Operand Object(const void* handle);
  bool missing() const { return type == Type::kMissing; }
};

// The values of one event, or of a frame's beginning, for the evaluation. Views stay valid until Eval ends.
class Scope {
 public:
  virtual ~Scope() = default;
  // The field's value number `alternative`, from 0; missing after the last. The first value of kFunction is the
  // qualified name.
  virtual Operand FieldValue(Field field, int alternative) const = 0;
  // A variable of the event's frame; missing when unbound, unknown, lost or redacted.
  virtual Operand Variable(std::string_view name) const = 0;
  // True when this event changed the variable: its binding, or a captured part of its value.
  virtual bool Changed(std::string_view name) const = 0;
  // The variable's value before this event; missing when it is not known. `self.total changed` needs it.
  virtual Operand Before(std::string_view name) const = 0;
  // Missing when there is no such attribute. `object` is always a kObject operand that this scope returned.
  virtual Operand Attribute(const Operand& object, std::string_view name) const = 0;
  // The item with the index (negative: from the end) or key; missing when there is none or it was cut.
  virtual Operand Item(const Operand& object, const Operand& key) const = 0;
  virtual bool Contains(const Operand& object, const Operand& needle) const = 0;
  virtual bool Equal(const Operand& object, const Operand& other_object) const = 0;
  virtual bool Truthy(const Operand& object) const = 0;
};

// The facts that hold for a group of events. With them, MayHold excludes the whole group without reading each event.
class PartialScope : public Scope {
 public:
  // Whether FieldValue returns the field's value for all events of the group.
  virtual bool Knows(Field field) const = 0;
  // Whether one of the events may have a variable of this name, and whether one may have changed it.
  virtual bool MayHave(std::string_view name) const = 0;
  virtual bool MayChange(std::string_view name) const = 0;
  // For a field that is not known: true when its value is an integer from `least` to `greatest` in every event that
  // has the field.
  virtual bool Bounds(Field, std::int64_t* /*least*/, std::int64_t* /*greatest*/) const { return false; }
};

// The language's == and `~`, for scopes that search containers. False for objects.
bool SameValue(const Operand& a, const Operand& b);
bool TextMatches(std::string_view text, std::string_view pattern);

struct ParseError {
  std::size_t offset = 0;  // in bytes from the source's start; may be its length
  std::string message;     // one line, without position
};
// Returns two lines without a newline at the end: the source, and a ^ under the character. Of a long source, the
// first line is a window. Control characters are spaces.
std::string FormatParseError(std::string_view source, const ParseError& error);

class Expression {
 public:
  // Fails with kInvalid and the message "expression, character 7: …". `error` (may be null) gets the position.
  static Result<Expression> Parse(std::string_view source, ParseError* error = nullptr);

  bool Eval(const Scope& scope) const;
  // False: the expression holds for none of the events of `scope`.
  bool MayHold(const PartialScope& scope) const;
  // Whether the expression contains the field.
  bool Asks(Field field) const;
  // Whether the expression contains `changed`.
  bool AsksChanged() const;

  // Every name in the expression: fields as they are written, the root names of variables, and the attribute names,
  // because `Order.total` may mean a variable `total`. A superset of the variables that the result depends on.
  std::set<std::string> Names() const;
  // True when all names are known at a frame's beginning: function, file, thread, process, task, depth, parameters.
  bool NeedsOnlyFrameStart() const { return later_.empty(); }
  // The first part that is not known at a frame's beginning: "line", "value", "exception", "event" or "changed".
  // Empty: none.
  const std::string& NotKnownAtFrameStart() const { return later_; }
  // True when the expression tests whether a part of a variable changed, which needs Scope::Before.
  bool NeedsBefore() const { return needs_before_; }
  const std::string& source() const { return source_; }

 private:
  friend class ExpressionParser;
  friend class ExpressionEvaluator;
  friend class PartialEvaluator;

  enum class Op : std::uint8_t {
    kOr,
    kAnd,
    kNot,  // children
    kEq,
    kNe,
    kLt,
    kLe,
    kGt,
    kGe,
    kMatch,  // two children
    kIn,
    kNotIn,
    kIs,
    kIsNot,    // two children
    kChanged,  // one child, a path
    kTruth,    // one child, an operand
    kLiteral,
    kField,
    kVariable,
    kList,  // operands; kField and kVariable have steps as children
    kAttribute,
    kItem,  // steps; kItem has one child
  };
  static constexpr std::uint32_t kNone = 0xffffffff;
  struct Node {
    Op op{};
    Field field{};
    bool plain = false;    // kVariable: written as var.NAME, which is never a function's name
    Operand::Type type{};  // kLiteral
    union {
      std::int64_t integer = 0;
      double number;
    };
    std::uint32_t text = 0, size = 0;           // bytes in texts_: a literal, a variable's or an attribute's name
    std::uint32_t dotted = 0, dotted_size = 0;  // bytes in texts_; kVariable: name and attributes, joined with dots
    std::uint32_t first = kNone, next = kNone;  // indices in nodes_: first child, next sibling
    std::uint32_t offset = 0;                   // in bytes from the source's start
  };
  Expression() = default;
  std::string_view TextOf(const Node& node) const { return std::string_view(texts_).substr(node.text, node.size); }

  std::string source_, texts_, later_;
  std::vector<Node> nodes_;
  std::uint32_t root_ = kNone;
  bool needs_before_ = false;
};

inline Operand Operand::None() {
  Operand o;
  o.type = Type::kNone;
  return o;
}
inline Operand Operand::Bool(bool v) {
  Operand o;
  o.type = Type::kBool;
  o.boolean = v;
  return o;
}
inline Operand Operand::Int(std::int64_t v) {
  Operand o;
  o.type = Type::kInt;
  o.integer = v;
  return o;
}
inline Operand Operand::Float(double v) {
  Operand o;
  o.type = Type::kFloat;
  o.number = v;
  return o;
}
inline Operand Operand::Text(std::string_view v) {
  Operand o;
  o.type = Type::kText;
  o.text = v;
  return o;
}
inline Operand Operand::Object(const void* handle) {
  Operand o;
  o.type = Type::kObject;
  o.object = handle;
  return o;
}

}  // namespace smiley::shm
