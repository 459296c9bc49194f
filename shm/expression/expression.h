// Thread rule: an Expression is immutable once parsed and may be evaluated by any thread; a Scope belongs to the
// caller.
//
// The filter language of --where and smiley-when: one parser (expression_parser.cc), one evaluator
// (expression_eval.cc), used at record time, in the daemon and in the page.
//
//   function == "pay" and amount < 0        file ~ "models.py" and self.total > 100
//   event == raise and exception ~ "KeyError"       cart["a"][0].price changed and depth < 5
//
// * Fields: event function file line thread process task depth value exception. Anything else is a variable;
//   a variable that is called like a field is reached as `var.line`.
// * `Order.total` is an attribute of the variable Order; where the frame has no such variable and runs the function
//   Order (its qualified name, or the end of it after a dot), it is that function's variable total.
// * == != < <= > >= chain as in Python. `in` and `not in` take a list of operands, a container or a text.
//   `~` finds a text inside a text, case-sensitive; * in it stands for any characters, \* for itself.
//   `is None`, `is not None`, `is True` compare the type too. `NAME changed` is true at events that changed it.
// * What does not exist is missing: every comparison with it is false, != and `not in` too, and so is it by itself;
//   `not` turns a false comparison into true, as always. Different types are unequal and never less or greater;
//   nothing is an error while evaluating. Numbers compare exactly, whatever their type; True is 1, as in Python.
// * Some fields have several names for the same thing: a function its qualified name and that after the last dot,
//   a file its path and its base name, a thread its number and its name, an exception its "Type: message", its type
//   with and without module, its message. A comparison holds when it holds for one of them; != and `not in` hold
//   when the equality holds for none.
//
// Evaluation allocates nothing, throws nothing, reads no locale and needs bounded stack.
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

// What a name stands for: light, refers to memory of the scope (or of the expression, for literals).
struct Operand {
  enum class Type : std::uint8_t { kMissing, kNone, kBool, kInt, kFloat, kText, kObject };
  Type type = Type::kMissing;
  union {
    bool boolean;
    std::int64_t integer;
    double number;
    const void* object = nullptr;  // kObject: the scope's own handle
  };
  std::string_view text;  // kText: UTF-8, surrogates passed through

  static Operand Missing() { return {}; }
  static Operand None();
  static Operand Bool(bool v);
  static Operand Int(std::int64_t v);
  static Operand Float(double v);
  static Operand Text(std::string_view v);
  static Operand Object(const void* handle);
  bool missing() const { return type == Type::kMissing; }
};

// What an expression is evaluated against: one event (or the beginning of a frame). Views stay valid until Eval ends.
class Scope {
 public:
  virtual ~Scope() = default;
  // The field's names for the same thing, from `alternative` 0 until missing. kFunction's 0 is the qualified name.
  virtual Operand FieldValue(Field field, int alternative) const = 0;
  // A variable of the event's frame; missing when unbound, unknown, lost or redacted.
  virtual Operand Variable(std::string_view name) const = 0;
  // True when this event changed the variable (its binding, or something captured in it).
  virtual bool Changed(std::string_view name) const = 0;
  // The variable as it was before this event; missing when not known. For `self.total changed`.
  virtual Operand Before(std::string_view name) const = 0;
  // `object` is always a kObject operand that this scope made.
  virtual Operand Attribute(const Operand& object, std::string_view name) const = 0;
  // By index (negative from the end) or key; missing when there is none or it was cut.
  virtual Operand Item(const Operand& object, const Operand& key) const = 0;
  virtual bool Contains(const Operand& object, const Operand& needle) const = 0;
  virtual bool Equal(const Operand& object, const Operand& other_object) const = 0;
  virtual bool Truthy(const Operand& object) const = 0;
};

// What is known of many events together, for deciding without looking at each: asked instead of Scope where it is
// not.
class PartialScope : public Scope {
 public:
  // Whether FieldValue tells the field for all of them.
  virtual bool Knows(Field field) const = 0;
  // Whether one of them may have, or may have changed, a variable of this name.
  virtual bool MayHave(std::string_view name) const = 0;
  virtual bool MayChange(std::string_view name) const = 0;
  // For a field that it does not know: whether it is an integer from `least` to `greatest` in all of them that have
  // it.
  virtual bool Bounds(Field, std::int64_t* /*least*/, std::int64_t* /*greatest*/) const { return false; }
};

// As the language's == and `~` decide; for scopes that search containers. No objects: those give false.
bool SameValue(const Operand& a, const Operand& b);
bool TextMatches(std::string_view text, std::string_view pattern);

struct ParseError {
  std::size_t offset = 0;  // bytes into the source; may be its length
  std::string message;     // one line, without position
};
// Two lines, no newline at the end: the source (a window of it when long; control characters as spaces) and ^ under
// the character.
std::string FormatParseError(std::string_view source, const ParseError& error);

class Expression {
 public:
  // Fails with kInvalid, message "expression, character 7: …"; `error` (may be null) gets the place.
  static Result<Expression> Parse(std::string_view source, ParseError* error = nullptr);

  bool Eval(const Scope& scope) const;
  // False: it holds for none of the events that `scope` stands for.
  bool MayHold(const PartialScope& scope) const;
  // Whether the field is asked for.
  bool Asks(Field field) const;
  // Whether it asks what changed.
  bool AsksChanged() const;

  // Every name in it: fields as they are written, variables by their root name and, because `Order.total` may mean a
  // variable `total`, the attribute names too. A superset of the variables that can decide it.
  std::set<std::string> Names() const;
  // True when all that it uses is known when a frame begins: function, file, thread, process, task, depth,
  // parameters.
  bool NeedsOnlyFrameStart() const { return later_.empty(); }
  // Otherwise the first thing in it that is not: "line", "value", "exception", "event", "changed".
  const std::string& NotKnownAtFrameStart() const { return later_; }
  // True when it asks whether a part of a variable changed, so that Scope::Before is needed.
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
    bool plain = false;    // kVariable: written var.NAME, never a function's name
    Operand::Type type{};  // kLiteral
    union {
      std::int64_t integer = 0;
      double number;
    };
    std::uint32_t text = 0, size = 0;           // in texts_: literal, variable or attribute name
    std::uint32_t dotted = 0, dotted_size = 0;  // kVariable: name and the attributes that follow, joined with dots
    std::uint32_t first = kNone, next = kNone;  // children as a list
    std::uint32_t offset = 0;                   // in the source
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
