// A fuzz target: parses and evaluates any bytes as an expression, and compares it with its negation.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/shm/expression_scope.h"

using smiley::shm::Expression;
using smiley::shm::Field;
using smiley::shm::FormatParseError;
using smiley::shm::ParseError;
using smiley::shm::test::TestScope;
using smiley::shm::test::Thing;

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

const TestScope& Scope() {
  static const TestScope* const scope = [] {
    auto* s = new TestScope;
    s->variables["a"] = -3;
    s->variables["b"] = "text*";
    s->variables["self"] = Thing::Object({{"total", 2.5}, {"a", 1}});
    s->variables["cart"] = Thing::Dict({{"a", Thing::List({1, 2})}});
    s->changed = {{"a", true}, {"self", true}};
    s->before["self"] = Thing::Object({{"total", 1}});
    s->fields[Field::kFunction] = {"Shop.pay", "pay"};
    s->fields[Field::kThread] = {1, "MainThread"};
    s->fields[Field::kEvent] = {"line"};
    return s;
  }();
  return *scope;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  ParseError error;
  const auto parsed = Expression::Parse(source, &error);
  if (!parsed.ok()) {
    Require(error.offset <= source.size() && !error.message.empty());
    Require(error.message.find('\n') == std::string::npos);
    const std::string picture = FormatParseError(source, error);
    Require(picture.back() == '^' && picture.find('\n') != std::string::npos);
    return 0;
  }
  const bool truth = parsed->Eval(Scope());
  Require(truth == parsed->Eval(Scope()));
  (void)parsed->Names();
  // An expression that parses also parses as a part of another one, and `not` negates it.
  const auto negated = Expression::Parse("not (" + std::string(source) + ")");
  if (negated.ok()) Require(negated->Eval(Scope()) != truth);
  return 0;
}
