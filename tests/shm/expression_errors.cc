// The parser refuses a bad expression of any size with one line that points at the character.
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "shm/expression/expression.h"
#include "tests/shm/expression_scope.h"

namespace smiley::shm::test {

BOOST_AUTO_TEST_SUITE(expression_errors)

struct Case {
  std::string source;
  std::size_t offset;
  std::string part;  // a part of the message
};

BOOST_AUTO_TEST_CASE(the_place_and_the_advice_are_right) {
  const std::vector<Case> cases = {
      {"", 0, "nothing in it"},
      {"  \n", 0, "nothing in it"},
      {"amount = 3", 7, "write =="},
      {"amount == ", 10, "missing at the end"},
      {"amount === 3", 7, "write =="},
      {"a && b", 2, "write 'and'"},
      {"a | b", 2, "write 'or'"},
      {"!a", 0, "write 'not'"},
      {"a + 1 > 2", 2, "arithmetic"},
      {"a b", 2, "does not fit"},
      {"len(x) > 3", 3, "cannot be called"},
      {"name == 'abc", 8, "no closing '"},
      {"name == 'a\nb'", 10, "line break"},
      {"(a == 1", 0, "never closed"},
      {"(a == ", 6, "missing at the end"},
      {"(a", 0, "never closed"},
      {"(a == 1 b)", 8, "does not fit"},
      {"a)", 1, "nothing is open"},
      {"a[1", 1, "never closed"},
      {"a[1:2]", 3, "slices"},
      {"a. == 3", 3, "attribute's name"},
      {"event == rase", 9, "no event is called 'rase'"},
      {"event in (call, 'rase')", 16, "no event is called 'rase'"},
      {"line.x == 3", 4, "var.line"},
      {"value changed", 6, "var.value"},
      {"exception.text ~ 'a'", 10, ".type and .message"},
      {"a ~ 3", 4, "quotes"},
      {"a is 3", 5, "None, True and False"},
      {"a not b", 6, "'in' must follow"},
      {"a == [1]", 5, "after 'in'"},
      {"[1]", 0, "after 'in'"},
      {"a in (1, b < 3)", 11, "does not fit"},
      {"and a", 0, "missing before 'and'"},
      {"a == -b", 6, "number must follow"},
      {"3x == 1", 1, "does not belong to a number"},
      {"1__0 == 1", 1, "digit must follow"},
      {"0x == 1", 2, "digit must follow"},
      {"a == '\\x1'", 6, "2 hex digits"},
      {"a == '\\U00110000'", 6, "no such character"},
      {"(a < 1) < 2", 8, "only names and values"},
      {"var. == 1", 5, "variable's name"},
      {"a == \x01", 5, "means nothing"},
  };
  for (const Case& c : cases) {
    ParseError error;
    const auto parsed = Expression::Parse(c.source, &error);
    BOOST_TEST(!parsed.ok(), c.source);
    if (parsed.ok()) continue;
    BOOST_TEST((parsed.status().code() == Code::kInvalid));
    BOOST_TEST(error.offset == c.offset, c.source << ": at " << error.offset << ": " << error.message);
    BOOST_TEST(error.message.find(c.part) != std::string::npos, c.source << ": " << error.message);
    BOOST_TEST(error.message.find('\n') == std::string::npos, c.source);
    BOOST_TEST(parsed.status().message().starts_with("expression, character "), parsed.status().message());
  }
}

BOOST_AUTO_TEST_CASE(the_picture_points_at_the_character) {
  ParseError error;
  std::string source = "amount = 3";
  BOOST_TEST(!Expression::Parse(source, &error).ok());
  BOOST_TEST(FormatParseError(source, error) == "amount = 3\n       ^");
  source = "gr\xc3\xbc\xc3\x9f\t= 3";
  BOOST_TEST(!Expression::Parse(source, &error).ok());
  BOOST_TEST(FormatParseError(source, error) == "gr\xc3\xbc\xc3\x9f = 3\n     ^");
  source = std::string(1000, 'a') + " = " + std::string(1000, 'b');
  BOOST_TEST(!Expression::Parse(source, &error).ok());
  const std::string picture = FormatParseError(source, error);
  BOOST_TEST(picture.size() < 250u);
  const std::string shown = picture.substr(0, picture.find('\n'));
  const std::size_t column = picture.size() - picture.find('\n') - 2;
  BOOST_TEST(shown[column + 2] == '=');  // the … before it takes three bytes and one column
}

BOOST_AUTO_TEST_CASE(limits_hold) {
  ParseError error;
  const std::string fits = std::string(198, '(') + "a" + std::string(198, ')');
  BOOST_TEST(Expression::Parse(fits).ok());
  const std::string deep = std::string(100'00, '(') + "a" + std::string(100'00, ')');
  BOOST_TEST(!Expression::Parse(deep, &error).ok());
  BOOST_TEST(error.offset == 200u);
  BOOST_TEST(!Expression::Parse(std::string(20000, '['), &error).ok());
  std::string items = "a";
  for (int i = 0; i < 20000; ++i) items += "[a";
  BOOST_TEST(!Expression::Parse(items, &error).ok());
  BOOST_TEST(!Expression::Parse(std::string(kMaxExpressionBytes + 1, 'a'), &error).ok());
  BOOST_TEST(error.message.find("65536 bytes at most") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(long_flat_expressions_need_no_deep_stack) {
  TestScope scope;
  scope.variables["a"] = 1;
  std::string ors = "a == 0", nots, chain = "a", steps = "a";
  while (ors.size() < 65000) ors += " or a==0";
  while (nots.size() < 64000) nots += "not ";
  while (chain.size() < 65000) chain += " <= a";
  while (steps.size() < 65000) steps += ".b";
  BOOST_TEST(!Expression::Parse(ors)->Eval(scope));
  BOOST_TEST(Expression::Parse(ors + " or a")->Eval(scope));
  BOOST_TEST(Expression::Parse(nots + "a")->Eval(scope));
  BOOST_TEST(Expression::Parse(chain)->Eval(scope));
  BOOST_TEST(!Expression::Parse(steps)->Eval(scope));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::shm::test
