#include <algorithm>
#include <array>
#include <utility>

#include "shm/expression/expression.h"
#include "shm/expression/expression_lexer.h"
#include "shm/kind_names.h"

namespace smiley::shm {
namespace {

bool IsOperatorWord(std::string_view word) {
  return word == "and" || word == "or" || word == "not" || word == "in" || word == "is";
}

std::string KindList() {
  std::string list;
  for (const KindTraits& row : kKindTraits) list += (list.empty() ? "" : ", ") + std::string(row.name);
  return list;
}

}  // namespace

// Recursive descent; Or > And > Not > Comparison > Primary, as in Python.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view source, ParseError* error) : lexer_(source), error_(error) {
    e_.source_ = std::string(source);
  }

  bool Parse(Expression* out) {
    if (!Advance() || !ParseOr(&e_.root_)) return false;
    if (token_.kind != Token::Kind::kEnd) return FailHere(Unexpected());
    if (!IsTruthNode(e_.root_)) e_.root_ = Wrap(Op::kTruth, e_.root_);
    *out = std::move(e_);
    return true;
  }

 private:
  using Op = Expression::Op;
  using Node = Expression::Node;
  using Token = ExpressionToken;
  using Id = std::uint32_t;
  static constexpr Id kNone = Expression::kNone;

  struct Nest {
    explicit Nest(int* depth) : depth_(depth) { ++*depth_; }
    ~Nest() { --*depth_; }
    int* depth_;
  };

  bool Fail(std::size_t offset, std::string message) {
    error_->offset = offset;
    error_->message = std::move(message);
    return false;
  }
  bool FailHere(std::string message) { return Fail(token_.offset, std::move(message)); }
  bool Advance() { return lexer_.Next(&token_, error_); }

  std::string Unexpected() const {
    using K = Token::Kind;
    if (token_.kind == K::kEnd) return "something is missing at the end";
    std::size_t cut = std::min<std::size_t>(token_.word.size(), 20);
    while (cut > 0 && cut < token_.word.size() && (token_.word[cut] & 0xc0) == 0x80) --cut;
    const std::string word(token_.word.substr(0, cut));
    if (token_.symbol("=")) return "write == to compare";
    if (token_.symbol("===") || token_.symbol("!==")) return "write == or != to compare";
    if (token_.symbol("&&") || token_.symbol("&")) return "write 'and'";
    if (token_.symbol("||") || token_.symbol("|")) return "write 'or'";
    if (token_.symbol("!")) return "write 'not'";
    if (token_.symbol(")") || token_.symbol("]")) return "nothing is open that " + word + " could close";
    static constexpr std::array<std::string_view, 11> kArithmetic{"+", "-",  "*",  "/",  "%", "@",
                                                                  "^", "<<", ">>", "**", "//"};
    if (std::find(kArithmetic.begin(), kArithmetic.end(), token_.word) != kArithmetic.end()) {
      return "there is no arithmetic here: compare names with values";
    }
    if (token_.symbol("(")) return "functions cannot be called here";
    if (token_.kind == K::kSymbol && (static_cast<unsigned char>(word[0]) < 0x20 || word[0] == 0x7f))
      return "this character means nothing here";
    return "'" + word + "' does not fit here; is 'and', 'or', a comparison or a quote missing?";
  }

  Id NewNode(Op op, std::size_t offset) {
    Node node;
    node.op = op;
    node.offset = static_cast<std::uint32_t>(offset);
    e_.nodes_.push_back(node);
    return static_cast<Id>(e_.nodes_.size() - 1);
  }
  Node& At(Id id) { return e_.nodes_[id]; }
  std::pair<std::uint32_t, std::uint32_t> Keep(std::string_view text) {
    const auto at = static_cast<std::uint32_t>(e_.texts_.size());
    e_.texts_ += text;
    return {at, static_cast<std::uint32_t>(text.size())};
  }
  void SetText(Id id, std::string_view text) {
    const auto [at, size] = Keep(text);
    At(id).text = at;
    At(id).size = size;
  }
  // An operand may be the child of two comparisons (a < b < c). So comparisons hold copies of its head node.
  Id Copy(Id id) {
    Node node = At(id);
    node.next = kNone;
    e_.nodes_.push_back(node);
    return static_cast<Id>(e_.nodes_.size() - 1);
  }
  Id Wrap(Op op, Id child) {
    const Id id = NewNode(op, At(child).offset);
    At(id).first = child;
    return id;
  }
  bool IsTruthNode(Id id) { return At(id).op <= Op::kTruth; }
  void Later(std::string_view what) {
    if (e_.later_.empty()) e_.later_ = what;
  }

  // `a or b or c` is one node with three children, so that only nesting costs stack.
  bool ParseChain(std::string_view word, Op op, bool (ExpressionParser::*part)(Id*), Id* out) {
    if (!(this->*part)(out)) return false;
    if (!token_.name(word)) return true;
    if (!IsTruthNode(*out)) *out = Wrap(Op::kTruth, *out);
    const Id chain = Wrap(op, *out);
    Id last = *out;
    while (token_.name(word)) {
      Id next;
      if (!Advance() || !(this->*part)(&next)) return false;
      if (!IsTruthNode(next)) next = Wrap(Op::kTruth, next);
      At(last).next = next;
      last = next;
    }
    *out = chain;
    return true;
  }
  bool ParseOr(Id* out) { return ParseChain("or", Op::kOr, &ExpressionParser::ParseAnd, out); }
  bool ParseAnd(Id* out) { return ParseChain("and", Op::kAnd, &ExpressionParser::ParseNot, out); }
  bool ParseNot(Id* out) {
    if (!token_.name("not")) return ParseComparison(out);
    const std::size_t offset = token_.offset;
    bool negate = false;
    while (token_.name("not")) {
      negate = !negate;
      if (!Advance()) return false;
    }
    if (!ParseComparison(out)) return false;
    if (!IsTruthNode(*out)) *out = Wrap(Op::kTruth, *out);
    if (negate) *out = Wrap(Op::kNot, *out);
    At(*out).offset = static_cast<std::uint32_t>(offset);
    return true;
  }

  // Reads a comparison operator, if there is one.
  bool Operator(Op* op, bool* found) {
    static constexpr std::array<std::pair<std::string_view, Op>, 7> kSymbols{{{"==", Op::kEq},
                                                                              {"!=", Op::kNe},
                                                                              {"<", Op::kLt},
                                                                              {"<=", Op::kLe},
                                                                              {">", Op::kGt},
                                                                              {">=", Op::kGe},
                                                                              {"~", Op::kMatch}}};
    *found = true;
    for (const auto& [symbol, o] : kSymbols) {
      if (token_.symbol(symbol)) {
        *op = o;
        return Advance();
      }
    }
    if (token_.name("in")) {
      *op = Op::kIn;
      return Advance();
    }
    if (token_.name("not")) {
      if (!Advance()) return false;
      if (!token_.name("in")) return FailHere("'in' must follow 'not' here");
      *op = Op::kNotIn;
      return Advance();
    }
    if (token_.name("is")) {
      if (!Advance()) return false;
      *op = Op::kIs;
      if (token_.name("not")) {
        *op = Op::kIsNot;
        if (!Advance()) return false;
      }
      return true;
    }
    *found = false;
    return true;
  }

  bool ParseComparison(Id* out) {
    Id left;
    if (!ParsePrimary(&left)) return false;
    Id first = kNone, last = kNone;
    int links = 0;
    while (true) {
      const std::size_t offset = token_.offset;
      Op op;
      bool found;
      if (!Operator(&op, &found)) return false;
      if (!found) break;
      Id right;
      if (!ParsePrimary(&right)) return false;
      if (IsTruthNode(left) || IsTruthNode(right)) {
        return Fail(offset, "only names and values can be compared; is an 'and' missing?");
      }
      if (!CheckComparison(op, left, right)) return false;
      const Id a = Copy(left), b = Copy(right);
      const Id comparison = NewNode(op, offset);
      At(comparison).first = a;
      At(a).next = b;
      if (first == kNone) first = comparison;
      if (last != kNone) At(last).next = comparison;
      last = comparison;
      left = right;
      ++links;
    }
    if (links == 0) {
      *out = left;
      if (At(left).op == Op::kList) return Fail(At(left).offset, "a list is allowed only after 'in'");
    } else if (links == 1) {
      *out = first;
    } else {
      *out = NewNode(Op::kAnd, At(first).offset);
      At(*out).first = first;
    }
    return true;
  }

  bool CheckComparison(Op op, Id left, Id right) {
    if (At(left).op == Op::kList) return Fail(At(left).offset, "a list is allowed only after 'in'");
    if (At(right).op == Op::kList && op != Op::kIn && op != Op::kNotIn) {
      return Fail(At(right).offset, "a list is allowed only after 'in'");
    }
    const Node r = At(right);
    if (op == Op::kMatch && r.op == Op::kLiteral && r.type != Operand::Type::kText) {
      return Fail(r.offset, "~ looks for a text: put it in quotes");
    }
    if ((op == Op::kIs || op == Op::kIsNot) &&
        (r.op != Op::kLiteral || (r.type != Operand::Type::kNone && r.type != Operand::Type::kBool))) {
      return Fail(r.offset, "'is' goes with None, True and False; write == to compare");
    }
    if (IsEvent(left)) return CheckKinds(op, right);
    if (IsEvent(right)) return CheckKinds(op, left);
    return true;
  }
  bool IsEvent(Id id) { return At(id).op == Op::kField && At(id).field == Field::kEvent; }
  // Beside `event`, a bare name is an event's name. An unknown name is an error.
  bool CheckKinds(Op op, Id other) {
    if (At(other).op == Op::kList) {
      for (Id i = At(other).first; i != kNone; i = At(i).next) {
        if (!CheckKinds(op, i)) return false;
      }
      return true;
    }
    Node& node = At(other);
    const bool bare = (node.op == Op::kVariable && !node.plain) || node.op == Op::kField;
    if (bare && node.first == kNone) {
      const std::string name(node.op == Op::kField ? FieldName(node.field) : e_.TextOf(node));
      if (node.op == Op::kField && node.field == Field::kEvent) return true;
      if (!ParseKind(name)) return Fail(node.offset, "no event is called '" + name + "'; there are " + KindList());
      node.op = Op::kLiteral;
      node.type = Operand::Type::kText;
      SetText(other, name);
    } else if (node.op == Op::kLiteral && node.type == Operand::Type::kText && op != Op::kMatch) {
      const std::string name(e_.TextOf(node));
      if (!ParseKind(name)) return Fail(node.offset, "no event is called '" + name + "'; there are " + KindList());
    }
    return true;
  }

  bool ParsePrimary(Id* out) {
    Nest nest(&depth_);
    if (depth_ > kMaxExpressionNesting) {
      return FailHere("too deeply nested: " + std::to_string(kMaxExpressionNesting) + " levels at most");
    }
    using K = Token::Kind;
    const std::size_t offset = token_.offset;
    if (token_.symbol("(") || token_.symbol("[")) return ParseGroup(out);
    if (token_.symbol("-") || token_.symbol("+")) {
      const bool minus = token_.symbol("-");
      if (!Advance()) return false;
      if (token_.kind != K::kInt && token_.kind != K::kFloat) return FailHere("a number must follow the sign");
      return ParseNumber(offset, minus, out);
    }
    if (token_.kind == K::kInt || token_.kind == K::kFloat) return ParseNumber(offset, false, out);
    if (token_.kind == K::kText) {
      *out = NewNode(Op::kLiteral, offset);
      At(*out).type = Operand::Type::kText;
      std::string text = token_.text;
      if (!Advance()) return false;
      while (token_.kind == K::kText) {  // "a" "b" is one text, as in Python
        text += token_.text;
        if (!Advance()) return false;
      }
      SetText(*out, text);
      return true;
    }
    if (token_.kind != K::kName) return FailHere(Unexpected());
    if (IsOperatorWord(token_.word)) {
      return FailHere("a name or a value is missing before '" + std::string(token_.word) + "'");
    }
    if (token_.word == "None" || token_.word == "True" || token_.word == "False") {
      *out = NewNode(Op::kLiteral, offset);
      At(*out).type = token_.word == "None" ? Operand::Type::kNone : Operand::Type::kBool;
      At(*out).integer = token_.word == "True";
      return Advance();
    }
    return ParsePath(out);
  }

  bool ParseNumber(std::size_t offset, bool minus, Id* out) {
    *out = NewNode(Op::kLiteral, offset);
    Node& node = At(*out);
    if (token_.kind == Token::Kind::kInt) {
      node.type = Operand::Type::kInt;
      node.integer = minus ? -token_.integer : token_.integer;
    } else if (minus && token_.number == 9223372036854775808.0 &&
               token_.word.find_first_of(".eE") == std::string_view::npos && ExactMinimum()) {
      node.type = Operand::Type::kInt;
      node.integer = INT64_MIN;
    } else {
      node.type = Operand::Type::kFloat;
      node.number = minus ? -token_.number : token_.number;
    }
    return Advance();
  }
  bool ExactMinimum() const {
    std::string digits(token_.word);
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    return digits == "9223372036854775808" || digits == "0x8000000000000000";
  }

  // ( expression ), or a list of operands: ( a, b ) ( a, ) [ a, b ] [].
  bool ParseGroup(Id* out) {
    const std::size_t opening = token_.offset;
    const bool square = token_.symbol("[");
    const std::string_view closing = square ? "]" : ")";
    if (!Advance()) return false;
    if (!square && !token_.symbol(")")) {
      if (!ParseOr(out)) return false;
      if (token_.symbol(")")) return Advance();
      if (IsTruthNode(*out) && token_.kind != Token::Kind::kEnd) return FailHere(Unexpected());
    }
    const Id list = NewNode(Op::kList, opening);
    Id last = kNone;
    bool pending = !square && !token_.symbol(")");  // the first item is already parsed, as the expression above
    while (pending || !token_.symbol(closing)) {
      Id item;
      if (pending) {
        item = *out;
        pending = false;
      } else if (!ParsePrimary(&item)) {
        return false;
      }
      if (token_.kind == Token::Kind::kEnd) return Fail(opening, "the bracket that opens here is never closed");
      if (IsTruthNode(item) || At(item).op == Op::kList) {
        return Fail(At(item).offset, "a list holds names and values");
      }
      if (last == kNone) {
        At(list).first = item;
      } else {
        At(last).next = item;
      }
      last = item;
      if (token_.symbol(closing)) break;
      if (!token_.symbol(",")) {
        return FailHere(token_.kind == Token::Kind::kSymbol || token_.kind == Token::Kind::kName
                            ? Unexpected()
                            : "a comma is missing");
      }
      if (!Advance()) return false;
    }
    *out = list;
    return Advance();
  }

  bool ParsePath(Id* out) {
    const std::size_t offset = token_.offset;
    std::string name(token_.word);
    if (!Advance()) return false;
    bool plain = false;
    if (name == "var" && token_.symbol(".")) {
      plain = true;
      if (!Advance()) return false;
      if (token_.kind != Token::Kind::kName) return FailHere("a variable's name must follow 'var.'");
      name = std::string(token_.word);
      if (!Advance()) return false;
    }
    const auto field =
        std::find_if(kFieldNames.begin(), kFieldNames.end(), [&](const auto& f) { return f.first == name; });
    const bool is_field = !plain && field != kFieldNames.end();
    const Id head = NewNode(is_field ? Op::kField : Op::kVariable, offset);
    At(head).plain = plain;
    if (is_field) {
      At(head).field = field->second;
      if (field->second == Field::kEvent || field->second == Field::kLine || field->second == Field::kValue ||
          field->second == Field::kException) {
        Later(name);
      }
    } else {
      SetText(head, name);
    }
    *out = head;
    if (is_field && field->second == Field::kException && token_.symbol(".")) {
      if (!Advance()) return false;
      if (token_.name("type")) {
        At(head).field = Field::kExceptionType;
      } else if (token_.name("message")) {
        At(head).field = Field::kExceptionMessage;
      } else {
        return FailHere("an exception has .type and .message");
      }
      if (!Advance()) return false;
    }
    if ((token_.symbol(".") || token_.symbol("[")) && is_field && field->second != Field::kValue) {
      return FailHere("'" + name + "' has no parts; a variable of that name is var." + name);
    }
    if (!ParseSteps(head)) return false;
    if (token_.symbol("(")) return FailHere(Unexpected());
    if (token_.name("changed")) {
      if (is_field) return FailHere("'changed' follows a variable; one called '" + name + "' is var." + name);
      if (!Advance()) return false;
      Later("changed");
      if (At(head).first != kNone) e_.needs_before_ = true;
      *out = NewNode(Op::kChanged, offset);
      At(*out).first = head;
    }
    return true;
  }

  bool ParseSteps(Id head) {
    std::string dotted(e_.TextOf(At(head)));
    bool dotting = At(head).op == Op::kVariable;
    Id last = kNone;
    while (token_.symbol(".") || token_.symbol("[")) {
      const std::size_t offset = token_.offset;
      const bool attribute = token_.symbol(".");
      if (!Advance()) return false;
      Id step;
      if (attribute) {
        if (token_.kind != Token::Kind::kName) return FailHere("an attribute's name must follow the dot");
        step = NewNode(Op::kAttribute, offset);
        SetText(step, token_.word);
        if (dotting) {
          dotted += '.';
          dotted += token_.word;
        }
        if (!Advance()) return false;
      } else {
        dotting = false;
        Id key;
        if (!ParsePrimary(&key)) return false;
        if (IsTruthNode(key) || At(key).op == Op::kList)
          return Fail(At(key).offset, "the index is a name or a value");
        if (token_.symbol(":")) return FailHere("slices are not known here; write one index");
        if (!token_.symbol("]")) {
          return token_.kind == Token::Kind::kEnd ? Fail(offset, "the bracket that opens here is never closed")
                                                  : FailHere("a ] is missing");
        }
        step = NewNode(Op::kItem, offset);
        At(step).first = key;
        if (!Advance()) return false;
      }
      (last == kNone ? At(head).first : At(last).next) = step;
      last = step;
    }
    if (At(head).op == Op::kVariable) {
      const auto [at, size] = Keep(dotted);
      At(head).dotted = at;
      At(head).dotted_size = size;
    }
    return true;
  }

  ExpressionLexer lexer_;
  ParseError* error_;
  Expression e_;
  Token token_;
  int depth_ = 0;
};

Result<Expression> Expression::Parse(std::string_view source, ParseError* error) {
  ParseError own;
  if (error == nullptr) error = &own;
  *error = {};
  if (source.size() > kMaxExpressionBytes) {
    error->offset = kMaxExpressionBytes;
    error->message = "too long: " + std::to_string(kMaxExpressionBytes) + " bytes at most";
  } else if (source.find_first_not_of(" \t\n\r\f") == std::string_view::npos) {
    error->message = "there is nothing in it";
  } else {
    Expression expression;
    if (ExpressionParser(source, error).Parse(&expression)) return expression;
  }
  return Status(Code::kInvalid, "expression, character " +
                                    std::to_string(CountCharacters(source.substr(0, error->offset)) + 1) + ": " +
                                    error->message);
}

}  // namespace smiley::shm
