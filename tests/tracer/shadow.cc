// Tests of which changes of a variable are sent, in which form, and when parts below the first level are compared.
#include "tracer/shadow/shadow.h"

#include <boost/test/unit_test.hpp>

#include "python.h"

namespace smiley::tracer {
namespace {

using test::Capture;
using test::Python;
using test::Show;

// One variable as the recorder follows it. Each Look is an event.
struct Variable {
  explicit Variable(const Limits& limits = {}) : capture(limits), comparer(&capture.context, capture.encoder.get()) {}
  // The result of a full comparison: "same", "unset", "set VALUE" or "patch OPERATIONS".
  std::string Look(PyObject* object, bool deep = false, bool redacted = false) {
    comparer.AtEvent(++seq);
    std::string_view cbor;
    switch (comparer.Compare(&shadow, object, redacted, deep, &cbor)) {
      case Change::kNone:
        return "same";
      case Change::kUnset:
        return "unset";
      case Change::kSet:
        return "set " + Show(cbor);
      default:
        return "patch " + Show(cbor);
    }
  }
  // The result of the quick comparison alone: "same", "unsure" or "patch OPERATIONS".
  std::string Glance(PyObject* object, bool deep = false) {
    ShortPatch patch;
    switch (comparer.LookQuickly(&shadow, object, deep, &patch)) {
      case Comparer::Glance::kSame:
        return "same";
      case Comparer::Glance::kUnsure:
        return "unsure";
      default:
        return "patch " + Show({reinterpret_cast<const char*>(patch.words), patch.size});
    }
  }
  Capture capture;
  Comparer comparer;
  Shadow shadow;
  std::uint64_t seq = 0;
};

BOOST_AUTO_TEST_SUITE(shadow)

BOOST_AUTO_TEST_CASE(a_variable_is_unset_set_and_the_same) {
  Python python;
  Variable v;
  BOOST_TEST(v.Look(nullptr) == "same");
  BOOST_TEST(v.Look(python.Eval("1")) == "set 1");
  BOOST_TEST(v.Look(python.Eval("1")) == "same");
  BOOST_TEST(v.Look(python.Eval("2")) == "set 2");
  BOOST_TEST(v.Look(nullptr) == "unset");
  BOOST_TEST(v.Look(nullptr) == "same");
  BOOST_TEST(v.Look(python.Eval("2")) == "set 2");
}

BOOST_AUTO_TEST_CASE(an_equal_value_of_another_type_is_a_change) {
  Python python;
  python.Run("class Int(int): pass\n");
  Variable v;
  BOOST_TEST(v.Look(python.Eval("1")) == "set 1");
  BOOST_TEST(v.Look(python.Eval("1.0")) == "set 1.0");
  BOOST_TEST(v.Look(python.Eval("True")) == "set true");
  BOOST_TEST(v.Look(python.Eval("Int(1)")) == "set subclass(\"__main__.Int\", 1)");
  BOOST_TEST(v.Look(python.Eval("1")) == "set 1");
  BOOST_TEST(v.Look(python.Eval("0.0")) == "set 0.0");
  BOOST_TEST(v.Look(python.Eval("-0.0")) == "set -0.0");
}

BOOST_AUTO_TEST_CASE(an_equal_immutable_is_no_change) {
  Python python;
  python.Run("import datetime, decimal\n");
  const char* const expressions[] = {"10 ** 50",
                                     "1.5 * 3",
                                     "'ab' * 3",
                                     "''.join(['long'] * 100)",
                                     "b'ab' * 3",
                                     "1j + 2",
                                     "range(1, int('5'))",
                                     "datetime.date(2024, 1, int('2'))",
                                     "decimal.Decimal('1.5')"};
  for (const char* expression : expressions) {
    Variable v;
    BOOST_TEST_CONTEXT(expression) {
      BOOST_TEST(v.Look(python.Eval(expression)).starts_with("set "));
      BOOST_TEST(v.Look(python.Eval(expression)) == "same");
      BOOST_TEST(v.Look(python.Eval(expression)) == "same");
    }
  }
  // A str that is hashed between two comparisons has another number for the same text.
  Variable v;
  PyObject* text = python.Eval("''.join(['t', 'ext'])");
  BOOST_TEST(v.Look(text) == "set \"text\"");
  PyObject_Hash(text);
  BOOST_TEST(v.Look(text) == "same");
}

BOOST_AUTO_TEST_CASE(another_container_is_a_change_though_it_shows_the_same) {
  Python python;
  Variable v;
  BOOST_TEST(v.Look(python.Eval("[1]")) == "set list(1, 0, [1])");
  BOOST_TEST(v.Look(python.Eval("[1]")) == "set list(2, 0, [1])");
  BOOST_TEST(v.Look(python.Eval("bytearray(b'a')")) == "set bytearray(3, 0, h'61')");
  BOOST_TEST(v.Look(python.Eval("bytearray(b'a')")) == "set bytearray(4, 0, h'61')");
}

BOOST_AUTO_TEST_CASE(changes_of_a_list_are_patches) {
  Python python;
  python.Run("a = list(range(8))\n");
  PyObject* a = python.Eval("a");
  Variable v;
  const auto after = [&](const char* change) {
    python.Run(change);
    return v.Look(a);
  };
  BOOST_TEST(v.Look(a) == "set list(1, 0, [0, 1, 2, 3, 4, 5, 6, 7])");
  BOOST_TEST(after("a[1] = 'x'\n") == "patch [[0, 1, \"x\"]]");
  BOOST_TEST(after("a.append(9)\n") == "patch [[2, 9]]");
  BOOST_TEST(after("a.pop()\n") == "patch [[1, 8]]");
  BOOST_TEST(after("del a[0]\n") == "patch [[8, 0]]");
  BOOST_TEST(after("a[2] = [1]\n") == "patch [[0, 2, list(2, 0, [1])]]");
  BOOST_TEST(after("pass\n") == "same");
  BOOST_TEST(after("a[:] = 'uvwxyzä'\n").starts_with("set list(1, 0, "));
  BOOST_TEST(after("a.clear()\n") == "patch [[1, 0]]");
}

BOOST_AUTO_TEST_CASE(changes_of_a_dict_are_patches) {
  Python python;
  python.Run("a = dict(b=1, c=2, d=3)\n");
  PyObject* a = python.Eval("a");
  Variable v;
  const auto after = [&](const char* change) {
    python.Run(change);
    return v.Look(a);
  };
  BOOST_TEST(v.Look(a) == "set dict(1, 0, [\"b\", 1, \"c\", 2, \"d\", 3])");
  BOOST_TEST(after("a['c'] = 5\n") == "patch [[3, \"c\", 5]]");
  BOOST_TEST(after("a['e'] = None\n") == "patch [[3, \"e\", null]]");
  BOOST_TEST(after("del a['b']\n") == "patch [[8, 0]]");
  BOOST_TEST(after("a['password'] = 'correct horse'\n") == "patch [[3, \"password\", redacted()]]");
  BOOST_TEST(after("a['c'] = a['c']\n") == "same");
}

BOOST_AUTO_TEST_CASE(changes_of_an_object_are_patches) {
  Python python;
  python.Run(
      "class Plain: pass\n"
      "class Slots:\n"
      "    __slots__ = ('x', 'y')\n"
      "a, s = Plain(), Slots()\n"
      "a.x, a.y = 1, 2\n"
      "s.x = 1\n");
  PyObject *a = python.Eval("a"), *s = python.Eval("s");
  Variable v, w;
  const auto after = [&](const char* change) {
    python.Run(change);
    return v.Look(a);
  };
  BOOST_TEST(v.Look(a) == "set object(1, 0, \"__main__.Plain\", [\"x\", 1, \"y\", 2])");
  BOOST_TEST(after("a.y = 3\n") == "patch [[5, \"y\", 3]]");
  BOOST_TEST(after("a.z = 4\n") == "patch [[5, \"z\", 4]]");
  BOOST_TEST(after("del a.x\n") == "patch [[9, 0]]");
  BOOST_TEST(after("a.__dict__['y'] = 5\n") == "patch [[5, \"y\", 5]]");
  BOOST_TEST(w.Look(s) == "set object(1, 0, \"__main__.Slots\", [\"x\", 1])");
  python.Run("s.y = 7\n");
  BOOST_TEST(w.Look(s) == "patch [[5, \"y\", 7]]");
}

BOOST_AUTO_TEST_CASE(what_has_no_patch_is_sent_whole) {
  Python python;
  python.Run("a, b = {1}, bytearray(b'a')\n");
  Variable v, w;
  BOOST_TEST(v.Look(python.Eval("a")) == "set set(1, 0, [1])");
  python.Run("a.add(2)\n");
  BOOST_TEST(v.Look(python.Eval("a")) == "set set(1, 0, [1, 2])");
  BOOST_TEST(w.Look(python.Eval("b")) == "set bytearray(1, 0, h'61')");
  python.Run("b.append(98)\n");
  BOOST_TEST(w.Look(python.Eval("b")) == "set bytearray(1, 0, h'6162')");
}

BOOST_AUTO_TEST_CASE(parts_below_the_first_level_are_compared_where_the_event_is_deep) {
  Python python;
  python.Run("inner = [1]\na = [inner, {}]\n");
  PyObject* a = python.Eval("a");
  Variable v;
  BOOST_TEST(v.Look(a) == "set list(1, 0, [list(2, 0, [1]), dict(3, 0, [])])");
  python.Run("inner.append(2)\n");
  BOOST_TEST(v.Look(a) == "same");
  BOOST_TEST(v.Look(a, true) == "set list(1, 0, [list(2, 0, [1, 2]), dict(3, 0, [])])");
  BOOST_TEST(v.Look(a, true) == "same");
  Limits limits;
  limits.deep = true;
  Variable always(limits);
  BOOST_TEST(always.Look(a).starts_with("set "));
  python.Run("inner.append(3)\n");
  BOOST_TEST(always.Look(a) == "set list(1, 0, [list(2, 0, [1, 2, 3]), dict(3, 0, [])])");
}

BOOST_AUTO_TEST_CASE(the_room_of_an_event_for_deep_looks_is_limited) {
  Python python;
  python.Run("inner = [0]\na = [[inner]] + [list(range(30)) for _ in range(12)]\n");
  PyObject* a = python.Eval("a");
  Variable v;
  BOOST_TEST(v.Look(a).starts_with("set "));
  python.Run("inner[0] = 1\n");
  BOOST_TEST(v.Look(a, true) == "same");  // about 370 nodes; an event may visit 192
  python.Run("small = [[0]]\n");
  Variable w;
  PyObject* small = python.Eval("small");
  BOOST_TEST(w.Look(small).starts_with("set "));
  python.Run("small[0][0] = 1\n");
  BOOST_TEST(w.Look(small, true).starts_with("set "));
}

BOOST_AUTO_TEST_CASE(what_an_exception_shows_is_compared_at_each_look) {
  Python python;
  python.Run("a = ValueError('x')\n");
  PyObject* a = python.Eval("a");
  Variable v;
  BOOST_TEST(v.Look(a) == "set exception(1, \"ValueError\", [\"x\"], [], null, null)");
  BOOST_TEST(v.Look(a) == "same");
  python.Run("a.add_note('there')\n");
  BOOST_TEST(v.Look(a) == "set exception(1, \"ValueError\", [\"x\"], [\"there\"], null, null)");
}

BOOST_AUTO_TEST_CASE(of_a_redacted_variable_only_that_it_changed_is_sent) {
  Python python;
  Variable v;
  PyObject* secret = python.Eval("'correct ' + str('horse')");
  BOOST_TEST(v.Look(secret, false, true) == "set redacted()");
  BOOST_TEST(v.Look(secret, false, true) == "same");
  BOOST_TEST(v.Look(python.Eval("'battery'"), false, true) == "set redacted()");
  Variable other;
  BOOST_TEST(Show(v.capture.encoder->EncodeValue(python.Eval("'correct horse'"))) == "redacted()");
}

// The quick comparison may be unsure, but it must never be wrong.
BOOST_AUTO_TEST_CASE(a_glance_says_what_a_full_look_would) {
  Python python;
  python.Run(
      "class Plain: pass\n"
      "a, d, o = [1, 2.5, None], {'k': 1}, Plain()\n"
      "o.x, o.y = 1, 2\n");
  for (const char* name : {"a", "d", "o"}) {
    PyObject* object = python.Eval(name);
    Variable v;
    BOOST_TEST(v.Glance(object) == "unsure");  // it was not sent yet
    v.Look(object);
    const std::string glance = v.Glance(object);
    BOOST_TEST((glance == "same" || (glance == "unsure" && std::string_view(name) == "d")), name << ": " << glance);
  }
  Variable v;
  PyObject* a = python.Eval("a");
  v.Look(a);
  python.Run("a[1] = 7\n");
  BOOST_TEST(v.Glance(a) == "patch [[0, 1, 7]]");
  BOOST_TEST(v.Look(a) == "same");
  python.Run("a[0], a[2] = 8, 9\n");
  BOOST_TEST(v.Glance(a) == "unsure");  // two changes
  BOOST_TEST(v.Look(a) == "patch [[0, 0, 8], [0, 2, 9]]");
  python.Run("a.append(1)\n");
  BOOST_TEST(v.Glance(a) == "unsure");
  Variable w;
  PyObject* o = python.Eval("o");
  w.Look(o);
  python.Run("o.y = True\n");
  BOOST_TEST(w.Glance(o) == "patch [[5, \"y\", true]]");
  BOOST_TEST(w.Look(o) == "same");
}

// An argument of many calls. Each frame has a shadow of its own; all share the cache of sent values.
BOOST_AUTO_TEST_CASE(a_value_that_is_sent_again_is_as_it_is_now) {
  Python python;
  python.Run("inner = [1]\na = {'k': inner}\n");
  PyObject* a = python.Eval("a");
  Variable v;
  const auto call = [&] {
    Shadow fresh;
    v.comparer.AtEvent(++v.seq);
    std::string_view cbor;
    BOOST_TEST((v.comparer.Compare(&fresh, a, false, true, &cbor) == Change::kSet));
    return Show(cbor);
  };
  for (int i = 0; i < 4; ++i) BOOST_TEST(call() == "dict(1, 0, [\"k\", list(2, 0, [1])])");
  python.Run("inner[0] = 2\n");
  for (int i = 0; i < 3; ++i) BOOST_TEST(call() == "dict(1, 0, [\"k\", list(2, 0, [2])])");
  python.Run("a['l'] = 3\n");
  BOOST_TEST(call() == "dict(1, 0, [\"k\", list(2, 0, [2]), \"l\", 3])");
}

BOOST_AUTO_TEST_CASE(a_patch_is_whole_wherever_its_room_ends) {
  for (int bytes = 1; bytes < 200; ++bytes) {
    Python python;
    python.Run(
        "class Plain: pass\n"
        "a, d, o = list(range(40)), {i: i for i in range(40)}, Plain()\n"
        "o.__dict__.update((f'n{i}', i) for i in range(40))\n");
    Limits limits;
    limits.bytes = bytes;
    Variable variables[] = {Variable(limits), Variable(limits), Variable(limits)};
    for (const char* change :
         {"pass\n", "a[3], d[3], o.n3 = ['a' * 20, [2]], {'b' * 20: [1]}, {1: ['c' * 20]}\n",
          "a.append(['x' * 30, [1]]); d['a long key of this dict'] = [[1], 2]; o.a_long_name_of_it = {1: [2]}\n",
          "del a[0], d[5], o.n5\n"}) {
      python.Run(change);
      int i = 0;
      for (const char* name : {"a", "d", "o"}) {
        const std::string looked = variables[i++].Look(python.Eval(name), true);
        BOOST_REQUIRE_MESSAGE(looked.find("bad") == std::string::npos, name << " in " << bytes << " bytes");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(comparing_calls_nothing_and_keeps_nothing) {
  Python python;
  python.Run(
      "class Hostile:\n"
      "    def fail(self, *_): raise SystemError\n"
      "    __eq__ = __repr__ = __bool__ = __getattribute__ = fail\n"
      "    def __hash__(self): return 1\n"
      "part = Hostile()\n"
      "a = [part, {part: part}]\n");
  PyObject *a = python.Eval("a"), *part = python.Eval("part");
  Variable v;
  const Py_ssize_t of_a = Py_REFCNT(a), of_part = Py_REFCNT(part);
  {
    test::CallCounter counter;
    for (int i = 0; i < 3; ++i) v.Look(a, true);
    BOOST_TEST(counter.calls() == 0);
  }
  BOOST_TEST(Py_REFCNT(a) == of_a);
  BOOST_TEST(Py_REFCNT(part) == of_part);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smiley::tracer
