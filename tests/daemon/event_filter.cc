// Filter expressions over decoded events: the names of the language refer to the members of an Event.
#include "daemon/events/event_filter.h"

#include <boost/test/unit_test.hpp>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace smiley::daemon {
namespace {

ValuePtr Make(Value value) { return std::make_shared<const Value>(std::move(value)); }
ValuePtr Int(std::int64_t n) {
  Value v;
  v.type = Value::Type::kInt;
  v.integer = n;
  return Make(std::move(v));
}
ValuePtr Str(std::string text) {
  Value v;
  v.type = Value::Type::kStr;
  v.text = std::move(text);
  return Make(std::move(v));
}
Value FormOf(Form form, std::vector<ValuePtr> items = {}) {
  Value v;
  v.type = Value::Type::kForm;
  v.form = form;
  v.has_items = true;
  v.items = std::move(items);
  return v;
}
ValuePtr Container(Form form, std::vector<ValuePtr> items, std::uint64_t cut = 0, std::uint64_t id = 0) {
  Value v = FormOf(form, std::move(items));
  v.cut = cut;
  v.id = id;
  return Make(std::move(v));
}
ValuePtr Object(std::string name, std::vector<std::pair<std::string, ValuePtr>> attributes, std::uint64_t id = 0) {
  Value v = FormOf(kFormObject);
  v.class_name = std::move(name);
  v.attributes = std::move(attributes);
  v.id = id;
  return Make(std::move(v));
}
ValuePtr TextForm(std::string type, std::string text) {
  Value v = FormOf(kFormText);
  v.type_name = std::move(type);
  v.text = std::move(text);
  return Make(std::move(v));
}

struct Fixture {
  CodeRecord code;
  Event event;
  FrameVariables variables;
  std::deque<std::string> kept;

  Fixture() {
    code.file = "/srv/shop/models.py";
    code.function = "Shop.<locals>.Order.pay";
    event.process = 1;
    event.thread = 2;
    event.seq = 10;
    event.kind = shm::Kind::kRaise;
    event.code = &code;
    event.line = 12;
    event.frame = 5;
    event.depth = 3;
    event.exception_type = "shop.errors.Empty";
    event.exception_message = "no stock";
    Set("amount", Int(-3));
  }
  const std::string* Keep(std::string name) { return &kept.emplace_back(std::move(name)); }
  void Set(std::string name, ValuePtr value) { variables.emplace_back(Keep(std::move(name)), std::move(value)); }
  void Change(std::string name, ValuePtr value) {
    event.changed.emplace_back(Keep(std::move(name)), std::move(value));
  }
  bool Eval(const std::string& source, EventScope::Names names = {}) const {
    const auto parsed = shm::Expression::Parse(source);
    BOOST_REQUIRE_MESSAGE(parsed.ok(), parsed.status().message());
    return parsed->Eval(EventScope(event, &variables, nullptr, names));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(event_filter, Fixture)

#define YES(source) BOOST_TEST(Eval(source), source)
#define NO(source) BOOST_TEST(!Eval(source), "not: " << (source))

BOOST_AUTO_TEST_CASE(fields_tell_where_the_event_is) {
  YES("event == raise and line == 12 and depth == 3 and process == 1 and thread == 2");
  YES("function == 'pay' and function == 'Shop.<locals>.Order.pay' and function ~ 'Order' and function != 'buy'");
  NO("function == 'Order.pay' or function == 'ay'");
  YES("file == 'models.py' and file == '/srv/shop/models.py' and file ~ 'shop/mod'");
  NO("file == 'shop/models.py'");
  NO("task or value or task != 1");
  const std::string name = "MainThread", task = "late";
  BOOST_TEST(Eval("thread == 'MainThread' and thread == 2", {&name, nullptr}));
  event.task = 4;
  BOOST_TEST(Eval("task == 4 and task == 'late'", {nullptr, &task}));
  event.code = nullptr;
  event.line = 0;
  event.frame = 0;
  NO("function or file or line or depth or depth == 3 or line != 1");
}

BOOST_AUTO_TEST_CASE(exceptions_match_by_type_and_message) {
  YES("exception ~ 'Empty' and exception == 'Empty' and exception == 'shop.errors.Empty' and exception == 'no "
      "stock'");
  YES("exception == 'shop.errors.Empty: no stock' and exception.type == 'Empty' and exception.message ~ 'stock'");
  NO("exception != 'Empty' or exception.type == 'KeyError'");
  event.exception_type = "KeyError";
  event.exception_message = "";
  YES("exception == 'KeyError' and exception.message == '' and exception.type == 'KeyError'");
  event.exception_type = "";
  NO("exception or exception.type != 'x' or exception.message != 'x'");
}

BOOST_AUTO_TEST_CASE(variables_are_the_frames_and_the_events) {
  YES("amount == -3 and pay.amount == -3 and Order.pay.amount < 0");
  Change("amount", Int(7));
  YES("amount == 7 and amount changed");
  Change("gone", MakeUnbound());
  YES("gone changed and not gone");
  NO("gone != 1 or price changed");
  Set("hidden", Make(FormOf(kFormRedacted)));
  Set("lost", MakeLost());
  NO("hidden != 1 or lost != 1 or hidden or lost");
  event.value = Container(kFormList, {Int(4)});
  YES("value[0] == 4 and value and 4 in value");
}

BOOST_AUTO_TEST_CASE(values_compare_as_what_they_are) {
  Value big = FormOf(kFormBigInt);
  big.text = "-36893488147419103232";
  big.integer = 66;
  Set("big", Make(big));
  big.text = std::string(256, '9');
  big.integer = 900;
  Set("vast", Make(big));
  Set("money", TextForm("Decimal", "12.50"));
  Set("third", TextForm("Fraction", "1/4"));
  Set("colour", TextForm("enum", "Colour.RED"));
  Value cut = FormOf(kFormStrCut);
  cut.text = "begin";
  cut.cut = 1000;
  Set("long", Make(cut));
  Value bytes;
  bytes.type = Value::Type::kBytes;
  bytes.text = "GET /";
  Set("data", Make(bytes));
  Value number = FormOf(kFormSubclass, {Int(5)});
  number.attributes = {{"unit", Str("m")}};
  Set("metres", Make(number));
  YES("big == -36893488147419103232 and big < 0 and vast > 1e300");
  YES("12 < money < 13 and third == 0.25 and colour == 'Colour.RED' and long ~ 'beg' and data ~ 'GET' and metres == "
      "5");
}

BOOST_AUTO_TEST_CASE(containers_and_objects_open_up) {
  Set("cart", Container(kFormDict, {Str("a"), Container(kFormList, {Object("shop.Item", {{"price", Int(7)}})}),
                                    Int(4), Str("four")}));
  Set("row", Container(kFormTuple, {Int(1), Int(2)}, 2));
  Set("empty", Container(kFormList, {}));
  Set("cut", Container(kFormList, {}, 9));
  YES("cart['a'][0].price == 7 and cart[4] == 'four' and 'a' in cart and 7 not in cart and cart[4.0][0] == 'f'");
  YES("row[0] == 1 and row[1] == 2 and 2 in row and cart and cut and not empty");
  NO("row[2] != 0 or row[-1] != 0 or row[-5] != 0 or cart['b'] != 0 or cart['a'][0].name != 0");
  YES("row[-4] == 1 and row[-3] == 2");
  Value named = FormOf(kFormSubclass, {Container(kFormTuple, {Int(3), Int(4)})});
  named.attributes = {{"x", Int(3)}};
  Set("point", Make(named));
  YES("point.x == 3 and point[1] == 4 and 4 in point and point");
  Value error = FormOf(kFormException, {Str("boom")});
  error.class_name = "ValueError";
  Set("error", Make(error));
  YES("error.args[0] == 'boom' and error.__cause__ is None");
}

BOOST_AUTO_TEST_CASE(a_repeated_object_stands_for_the_first) {
  Value ref = FormOf(kFormRef);
  ref.id = 9;
  ref.has_items = false;
  Set("node", Object("Node", {{"name", Str("x")}, {"next", Object("Node", {{"prev", Make(ref)}}, 10)}}, 9));
  YES("node.next.prev.name == 'x' and node.next.prev.next.prev == node");
}

BOOST_AUTO_TEST_CASE(equality_looks_at_contents) {
  Set("a", Container(kFormDict, {Str("x"), Int(1), Str("y"), Container(kFormSet, {Int(1), Int(2)})}, 0, 1));
  Set("b", Container(kFormDict, {Str("y"), Container(kFormSet, {Int(2), Int(1)}), Str("x"), Int(1)}, 0, 2));
  Set("c", Container(kFormDict, {Str("x"), Int(2), Str("y"), Container(kFormSet, {Int(1), Int(2)})}, 0, 3));
  Set("list", Container(kFormList, {Int(1)}));
  Set("tuple", Container(kFormTuple, {Int(1)}));
  Set("lists", Container(kFormList, {Container(kFormList, {Int(1)})}));
  YES("a == b and a != c and list != tuple and list in lists and tuple not in lists and list == list");
}

BOOST_AUTO_TEST_CASE(a_part_changed_when_it_is_not_what_it_was) {
  EventFilter total(*shm::Expression::Parse("self.total changed"));
  EventFilter stock(*shm::Expression::Parse("self.stock['a'] changed"));
  const auto order = [](std::int64_t sum, std::int64_t left) {
    return Object("Order", {{"total", Int(sum)}, {"stock", Container(kFormDict, {Str("a"), Int(left)})}}, 3);
  };
  const auto step = [&](ValuePtr value) {
    event.changed.clear();
    if (value) Change("self", std::move(value));
    return std::pair(total.Matches(event, nullptr), stock.Matches(event, nullptr));
  };
  event.kind = shm::Kind::kCall;
  BOOST_TEST((step(order(1, 1)) == std::pair(true, true)));
  event.kind = shm::Kind::kLine;
  BOOST_TEST((step(order(1, 1)) == std::pair(false, false)));
  BOOST_TEST((step(order(2, 1)) == std::pair(true, false)));
  BOOST_TEST((step(nullptr) == std::pair(false, false)));
  BOOST_TEST((step(order(2, 0)) == std::pair(false, true)));
  event.frame = 6;  // another frame has no values before
  BOOST_TEST((step(order(2, 0)) == std::pair(true, true)));
  event.kind = shm::Kind::kReturn;
  BOOST_TEST((step(order(2, 0)) == std::pair(false, false)));
}

BOOST_AUTO_TEST_CASE(threads_and_tasks_have_names) {
  EventFilter filter(*shm::Expression::Parse("thread == 'Worker' or task == 'late'"));
  BOOST_TEST(!filter.Matches(event, nullptr));
  ThreadInfo thread;
  thread.process = 1;
  thread.thread = 2;
  thread.name = "Worker";
  filter.SetNames({thread}, {});
  BOOST_TEST(filter.Matches(event, nullptr));
  event.thread = 3;
  BOOST_TEST(!filter.Matches(event, nullptr));
  TaskInfo task;
  task.process = 1;
  task.task = 8;
  task.name = "late";
  event.task = 8;
  filter.SetNames({}, {task});
  BOOST_TEST(filter.Matches(event, nullptr));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smiley::daemon
