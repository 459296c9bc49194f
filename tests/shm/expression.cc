// Tests each rule of the language in shm/expression/expression.h.
#include "shm/expression/expression.h"

#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/shm/expression_scope.h"

namespace smiley::shm::test {
namespace {

bool Eval(const TestScope& scope, std::string_view source) {
  ParseError error;
  auto parsed = Expression::Parse(source, &error);
  BOOST_REQUIRE_MESSAGE(parsed.ok(), source << ": " << parsed.status().message());
  return parsed->Eval(scope);
}
#define YES(source) BOOST_TEST(Eval(scope, source), source)
#define NO(source) BOOST_TEST(!Eval(scope, source), "not: " << (source))

TestScope Shop() {
  TestScope scope;
  scope.variables["amount"] = -3;
  scope.variables["price"] = 2.5;
  scope.variables["name"] = "Ann*Lee";
  scope.variables["word"] = "gr\xc3\xbc\xc3\x9f";
  scope.variables["yes"] = true;
  scope.variables["nothing"] = Thing::None();
  scope.variables["empty"] = Thing::List({});
  scope.variables["numbers"] = Thing::List({1, 2, 3.0});
  scope.variables["line"] = "a variable";
  scope.variables["i"] = 1;
  scope.variables["self"] = Thing::Object({{"total", 101}, {"owner", Thing::Object({{"name", "Bo"}})}});
  scope.variables["cart"] = Thing::Dict({{"a", Thing::List({Thing::Object({{"price", 7}})})}, {4, "four"}});
  scope.fields[Field::kEvent] = {"raise"};
  scope.fields[Field::kFunction] = {"app.<locals>.Shop.pay", "pay"};
  scope.fields[Field::kFile] = {"/srv/app/models.py", "models.py"};
  scope.fields[Field::kLine] = {12};
  scope.fields[Field::kThread] = {2, "MainThread"};
  scope.fields[Field::kProcess] = {1};
  scope.fields[Field::kDepth] = {3};
  scope.fields[Field::kException] = {"KeyError: 'x'", "KeyError"};
  scope.fields[Field::kExceptionType] = {"KeyError"};
  scope.fields[Field::kExceptionMessage] = {"'x'"};
  return scope;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(expression)

BOOST_AUTO_TEST_CASE(the_examples_of_the_manual_hold) {
  const TestScope scope = Shop();
  YES("function == \"pay\" and amount < 0");
  YES("file ~ \"models.py\" and self.total > 100");
  YES("event == raise and exception ~ \"KeyError\"");
  YES("cart[\"a\"][0].price == 7");
  YES("exception.type == 'KeyError' and exception.message == \"'x'\"");
}

BOOST_AUTO_TEST_CASE(comparisons_chain_and_are_exact) {
  TestScope scope = Shop();
  YES("-10 < amount < 0 < price <= 2.5");
  NO("-10 < amount < -3");
  YES("amount == -3.0 and amount != -3.5 and yes == 1 and yes > 0");
  scope.variables["big"] = 9007199254740993L;
  NO("big == 9007199254740992.0");
  YES("big > 9007199254740992.0 and 9007199254740992.0 < big");
  YES("big < 1e300 and big > -1e300 and big < 99999999999999999999999");
  scope.variables["low"] = static_cast<long>(INT64_MIN);
  YES("low == -9223372036854775808 and low < -9223372036854775807 and low >= -9223372036854775808.0 and low < "
      "9223372036854775808");
  scope.variables["nan"] = std::nan("");
  NO("nan == nan or nan < 1 or nan > 1 or 1 < nan or nan <= nan");
  YES("nan != nan and nan != 3");
  YES("'abc' < 'abd' and 'ab' < 'abc' and not 'b' < 'abc' and 'z' < '\\u00fc'");
}

BOOST_AUTO_TEST_CASE(literals_are_python_literals) {
  const TestScope scope = Shop();
  YES("0x1F == 31 and 0o17 == 15 and 0b101 == 5 and 1_000 == 1000 and .5 == 0.5 and 1e3 == 1000 and 5. == 5");
  YES("1e-400 == 0 and 1e400 > 1e308 and 18446744073709551616 == 0x10000000000000000");
  YES("'a\\tb' == \"a\\x09b\" and '\\u00fc' == '\\xfc' and '\\'' == \"'\" and '\\101' == 'A' and '\\q' == '\\\\q'");
  YES("r'a\\d' == 'a\\\\d' and 'a' 'b' == 'ab' and '\\U0001F600' == '\xf0\x9f\x98\x80'");
  YES("word == 'gr\xc3\xbc\xc3\x9f' and word[2] == '\\xfc' and word[-1] == '\\xdf'");
  NO("word[4] == 'x' or word[4] != 'x' or word[-5] != 'x'");
  YES("True and not False and not None");
}

BOOST_AUTO_TEST_CASE(what_does_not_exist_makes_a_comparison_false) {
  const TestScope scope = Shop();
  NO("gone == 1");
  NO("gone != 1");
  NO("gone == None");
  NO("gone not in (1, 2)");
  NO("1 not in gone");
  NO("gone is not None");
  NO("gone ~ ''");
  NO("gone == gone");
  NO("gone");
  YES("not gone");
  YES("not gone == 1 and not gone != 1");
  NO("self.gone != 1 or cart['b'] != 1 or cart['a'][7] != 1 or amount.real != 1 or cart[gone] != 1 or value != 1");
  NO("amount < gone or amount < 0 < gone");
}

BOOST_AUTO_TEST_CASE(different_types_are_unequal_and_not_ordered) {
  const TestScope scope = Shop();
  NO("name == 3 or name < 3 or name > 3 or nothing == 0 or nothing == False or nothing < 1 or self > 1 or self == 1");
  YES("name != 3 and nothing != 0 and self != 1 and nothing == None and nothing is None and amount is not None");
  NO("amount ~ '3' or self ~ '' or i is True or 3 in name or 1 in amount");
  YES("yes is True and yes is not False and i is not True");
}

BOOST_AUTO_TEST_CASE(text_is_found_inside_text_with_stars) {
  const TestScope scope = Shop();
  YES("name ~ 'nn' and name ~ 'A*Lee' and name ~ 'n*n*e*e' and name ~ '' and name ~ '*' and name ~ '*Ann*'");
  NO("name ~ 'ann' or name ~ 'Lee*Ann' or name ~ 'n*n*n'");
  YES("name ~ '\\*' and name ~ 'Ann\\*L' and file ~ '/app/*.py'");
  NO("word ~ '\\*' or word ~ 'g\\*'");
  BOOST_TEST(TextMatches("aab", "ab"));
  BOOST_TEST(TextMatches("a\\b", "\\\\"));
  BOOST_TEST(TextMatches("a\\b", "a\\b"));
  BOOST_TEST(!TextMatches("", "a"));
  BOOST_TEST(TextMatches("", "**"));
}

BOOST_AUTO_TEST_CASE(in_takes_lists_containers_and_texts) {
  const TestScope scope = Shop();
  YES("amount in (1, -3) and amount not in [1, 2] and amount in [-3,] and amount not in [] and amount not in ()");
  YES("2 in numbers and 3 in numbers and 4 not in numbers and 'a' in cart and 7 not in cart");
  YES("'nn' in name and 'x' not in name and function in ('sell', 'pay') and event in (raise, unwind)");
  YES("event in ['raise'] and event not in (call, return) and amount in (i, amount)");
  YES("(amount) == (-3) and (1) in (1, 2)");
}

BOOST_AUTO_TEST_CASE(fields_match_by_each_of_their_names) {
  const TestScope scope = Shop();
  YES("thread == 2 and thread == 'MainThread' and thread ~ 'Main' and thread < 3");
  NO("thread != 2 or thread != 'MainThread' or thread not in (2, 5)");
  YES("thread != 3 and thread != 'Worker' and file == 'models.py' and file == '/srv/app/models.py' and file != "
      "'x.py'");
  YES("'pay' == function and 'pay' in function and function != 'sell'");
  YES("event == raise and event == 'raise' and event != call and raise == event and event ~ 'ra*e'");
  YES("event == line or event != task");
  YES("line == 12 and var.line == 'a variable' and depth == 3");
  NO("task == 1 or task != 1 or task");
  YES("exception and not value and not task");
}

BOOST_AUTO_TEST_CASE(truth_of_values_is_pythons) {
  const TestScope scope = Shop();
  YES("amount and price and name and yes and self and numbers and cart");
  NO("nothing or empty or 0 or '' or 0.0 or None or False");
  YES("not empty and not not amount and not (empty or nothing)");
  YES("empty or nothing or amount");
  YES("yes or gone and gone");
  NO("(yes or gone) and gone");
}

BOOST_AUTO_TEST_CASE(a_functions_variable_can_be_named_through_it) {
  TestScope scope = Shop();
  YES("pay.amount == -3 and Shop.pay.amount < 0 and pay.self.total == 101 and Shop.pay.cart['a'][0].price == 7");
  NO("ay.amount == -3 or sell.amount == -3 or sell.amount != 3 or var.pay.amount == -3 or pay == 1");
  scope.variables["pay"] = Thing::Object({{"amount", 5}});
  YES("pay.amount == 5 and Shop.pay.amount == -3");
}

BOOST_AUTO_TEST_CASE(items_may_be_named_by_variables) {
  const TestScope scope = Shop();
  YES("numbers[i] == 2 and numbers[-1] == 3 and cart[4] == 'four' and cart[numbers[2]] == 1 or cart[4][0] == 'f'");
}

BOOST_AUTO_TEST_CASE(changed_asks_for_this_events_changes) {
  TestScope scope = Shop();
  scope.changed = {{"self", true}, {"amount", true}, {"cart", true}, {"fresh", true}};
  scope.before["self"] =
      Thing::Object({{"total", 100}, {"owner", scope.variables["self"].attributes["owner"]}, {"old", 1}});
  scope.before["cart"] = Thing::Dict({{"a", Thing::List({Thing::Object({{"price", 7}})})}});
  YES("amount changed and self changed and pay.amount changed and fresh changed and not price changed");
  YES("self.total changed and self.old changed and cart[4] changed and self.total changed and amount < 0");
  NO("self.owner.name changed or self.never changed or cart['a'][0].price changed or gone changed or price changed");
  YES("not (price changed)");
  scope.variables["changed"] = 1;
  YES("changed == 1 and not changed changed");
}

BOOST_AUTO_TEST_CASE(what_is_known_when_a_frame_begins_is_told) {
  const auto later = [](std::string_view source) { return Expression::Parse(source)->NotKnownAtFrameStart(); };
  BOOST_TEST(later("function == 'pay' and amount < 0 and depth < 5 and thread == 1 and file ~ 'x' and task == 1") ==
             "");
  BOOST_TEST(later("amount > 1 and line == 3") == "line");
  BOOST_TEST(later("event == call") == "event");
  BOOST_TEST(later("amount changed") == "changed");
  BOOST_TEST(later("value > 3") == "value");
  BOOST_TEST(later("exception.type == 'x'") == "exception");
  BOOST_TEST(later("var.line == 3") == "");
  BOOST_TEST(Expression::Parse("function == 'pay'")->NeedsOnlyFrameStart());
  BOOST_TEST(!Expression::Parse("amount changed")->NeedsBefore());
  BOOST_TEST(Expression::Parse("self.amount changed")->NeedsBefore());
}

BOOST_AUTO_TEST_CASE(names_are_listed) {
  const auto names =
      Expression::Parse("Order.total > limit[i].x and not line == 3 and exception.type == 'a'")->Names();
  BOOST_TEST((names == std::set<std::string>{"Order", "total", "limit", "i", "x", "line", "exception"}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::shm::test
