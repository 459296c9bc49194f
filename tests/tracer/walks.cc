// Encoder and Fingerprint walk every value in the same order, each with code of its own. These tests check that both
// give the same number for a value, and that a change of a part changes both numbers or none.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <random>

#include "python.h"
#include "tracer/values/encoder.h"
#include "tracer/values/fingerprint.h"

namespace smiley::tracer {
namespace {

using test::Capture;
using test::Python;
using test::Show;

// The results of both walks of a value.
struct Walks {
  std::string encoding;
  std::uint64_t print = 0;        // the encoder's number; 0: it has none
  std::uint64_t fingerprint = 0;  // Fingerprint's number; 0: it has none
};

struct Both {
  explicit Both(const Limits& limits = {}) : capture(limits), fingerprint(&capture.context) {}
  Walks Of(PyObject* object) {
    Walks walks;
    walks.encoding = capture.encoder->EncodeValue(object);
    walks.print = capture.encoder->print();
    walks.fingerprint = fingerprint.Of(object);
    return walks;
  }
  Capture capture;
  Fingerprint fingerprint;
};

void CheckSameNumber(const Walks& walks, const std::string& what) {
  if (walks.print == 0 || walks.fingerprint == 0) return;
  BOOST_REQUIRE_MESSAGE(walks.print == walks.fingerprint, what << ": " << Show(walks.encoding));
}

// Compares two walks, with a change of at most one part between them. `identities`: the second walk is of other
// objects, whose numbers may differ though the encodings are equal.
void CheckTogether(const Walks& before, const Walks& after, const std::string& what, bool identities = false) {
  CheckSameNumber(after, what);
  // The recorder compares the encoder's number of the first walk with the fingerprint of the second. The encoder has
  // no number for a value that was cut to fit, because its encoding may show fewer parts than were walked.
  if (before.print != 0 && before.print == after.fingerprint)
    BOOST_REQUIRE_MESSAGE(before.encoding == after.encoding, what << ": the same fingerprint for "
                                                                  << Show(before.encoding) << " and "
                                                                  << Show(after.encoding));
  if (identities || before.print == 0 || after.print == 0) return;
  if (before.encoding == after.encoding)
    BOOST_REQUIRE_MESSAGE(before.fingerprint == after.fingerprint,
                          what << ": only the fingerprint changed of " << Show(after.encoding));
}

BOOST_AUTO_TEST_SUITE(walks)

struct Row {
  const char* expression;
  bool numbered;  // both have a number for it
};

BOOST_AUTO_TEST_CASE(both_give_each_value_the_same_number) {
  Python python;
  python.Run(
      "import collections, datetime, decimal, enum, fractions, pathlib, uuid\n"
      "class Plain:\n"
      "    def __init__(self, **names): self.__dict__.update(names)\n"
      "class Slots:\n"
      "    __slots__ = ('a', 'b')\n"
      "slots = Slots()\n"
      "slots.b = [2]\n"
      "class Int(int): pass\n"
      "class Text(str): pass\n"
      "class List(list): pass\n"
      "class Dict(dict): pass\n"
      "class Bytes(bytearray): pass\n"
      "def named(thing, **names):\n"
      "    thing.__dict__.update(names)\n"
      "    return thing\n"
      "class Color(enum.Enum):\n"
      "    RED = 1\n"
      "Point = collections.namedtuple('Point', 'x y')\n"
      "shared = [1]\n"
      "cycle = [1, {}]\n"
      "cycle[1]['c'] = cycle\n"
      "real = Plain(a=1)\n"
      "real.__dict__['b'] = 2\n");
  const Row rows[] = {
      {"None", true},
      {"True", true},
      {"7", true},
      {"-(2 ** 62)", true},
      {"10 ** 90", true},
      {"1.5", true},
      {"2j", true},
      {"'text'", true},
      {"'\\ud800'", true},
      {"'x' * 1000", true},
      {"b'a'", true},
      {"bytearray(b'a')", true},
      {"[]", true},
      {"[1, 'a', None, 2.5]", true},
      {"(1, (2, (3, (4, (5,)))))", true},
      {"[[1], [2], [[3]]]", true},
      {"list(range(100))", true},
      {"[list(range(9)) for _ in range(40)]", true},
      {"{1: [2], 'a': {3: 4}}", true},
      {"{i: i for i in range(100)}", true},
      {"{1, 2, 'a'}", true},
      {"frozenset((1, (2,)))", true},
      {"collections.deque([1, [2]])", true},
      {"collections.defaultdict(list, {1: [2]})", true},
      {"collections.Counter('aab')", true},
      {"collections.OrderedDict(a=[1])", true},
      {"Plain(a=1, b=[2])", true},
      {"real", true},
      {"slots", true},
      {"[Plain(a=Plain(b=Plain(c=Plain())))]", true},
      {"named(Int(3), unit='m')", true},
      {"Int(3)", true},
      {"Text('a')", true},
      {"named(Text('a'), b=[1])", true},
      {"List([1])", true},
      {"named(List([1, [2]]), b={1: 2})", true},
      {"named(Dict(a=1), b=2)", true},
      {"Point(1, [2])", true},
      {"[[[List([1])]]]", true},
      {"[[[named(Int(3), unit='m')]]]", true},
      {"[shared, shared, {1: shared}]", true},
      {"cycle", true},
      {"[Color.RED, range(3), len, Plain, datetime.date(2024, 1, 2), decimal.Decimal('1.5')]", true},
      {"[fractions.Fraction(1, 3), uuid.UUID(int=1), pathlib.Path('/a'), slice(1, 2), ...]", true},
      {"[object(), iter([])]", true},
      {"[bytearray(b'a'), bytearray(b'b')]", true},
      {"ValueError([1])", false},
      {"[1, ValueError('a')]", false},
      {"[[list(range(60)) for _ in range(20)]]", false},  // more nodes than the limit
  };
  for (const Row& row : rows) {
    Both both;
    const Walks walks = both.Of(python.Eval(row.expression));
    BOOST_TEST_CONTEXT(row.expression) {
      if (row.numbered) {
        BOOST_TEST(walks.print != 0u);
        BOOST_TEST(walks.fingerprint == walks.print);
      } else {
        BOOST_TEST((walks.print == 0u || walks.fingerprint == 0u));
      }
      CheckTogether(walks, both.Of(python.Eval(row.expression)), "another such value", true);
    }
  }
}

// A change beyond a limit changes neither number; any other change changes both.
BOOST_AUTO_TEST_CASE(what_a_limit_hides_is_hidden_from_both) {
  Python python;
  python.Run(
      "def deep(end): return [[[[end]]]]\n"
      "a, b, c = [[[[1]]]], list(range(100)), {i: i for i in range(100)}\n");
  struct Change {
    const char* expression;
    const char* change;
    bool noticed;
  };
  const Change changes[] = {
      {"a", "a[0][0][0][0] = 2\n", false}, {"a", "a[0][0][0].append(3)\n", true}, {"a", "a[0][0] = [4]\n", true},
      {"b", "b[63] = -1\n", true},         {"b", "b[64] = -1\n", false},          {"b", "b.append(1)\n", true},
      {"c", "c[63] = -1\n", true},         {"c", "c[64] = -1\n", false},
  };
  for (const Change& change : changes) {
    Both both;
    PyObject* object = python.Eval(change.expression);
    const Walks before = both.Of(object);
    python.Run(change.change);
    const Walks after = both.Of(object);
    BOOST_TEST_CONTEXT(change.change) {
      BOOST_TEST((before.encoding != after.encoding) == change.noticed);
      BOOST_TEST((before.fingerprint != after.fingerprint) == change.noticed);
    }
  }
}

// The seed of the random values. SMILEY_TEST_SEED repeats a run.
std::uint64_t Seed() {
  const char* given = std::getenv("SMILEY_TEST_SEED");
  if (given != nullptr) return std::strtoull(given, nullptr, 10);
  return std::random_device()();
}

BOOST_AUTO_TEST_CASE(random_values_change_for_both_or_for_neither) {
  const std::uint64_t seed = Seed();
  BOOST_TEST_MESSAGE("SMILEY_TEST_SEED=" << seed);
  BOOST_TEST_CONTEXT("SMILEY_TEST_SEED=" << seed) {
    std::mt19937_64 random(seed);
    Limits tight;
    tight.depth = 2;
    tight.items = 3;
    tight.chars = 6;
    Limits narrow;
    narrow.nodes = 20;
    narrow.bytes = 200;
    const Limits all[] = {Limits(), tight, narrow};
    int numbered = 0, noticed = 0;
    for (int i = 0; i < 300; ++i) {
      Python python;
      python.Run("import sys, random\nsys.dont_write_bytecode = True\nsys.path.insert(0, '" SMILEY_TEST_FOLDER
                 "')\nimport random_values\nsys.path.pop(0)\nrandom = random.Random(" +
                 std::to_string(random()) + ")\nvalue = random_values.value(random)\n");
      PyObject* value = python.Eval("value");
      PyObject* changes = python.Eval("random_values.changes(value)");
      for (const Limits& limits : all) {
        Both both(limits);
        const Walks before = both.Of(value);
        CheckSameNumber(before, "a new value");
        CheckTogether(before, both.Of(value), "no change");
        numbered += before.print != 0 && before.fingerprint != 0 ? 1 : 0;
        for (Py_ssize_t k = 0; k < PyList_GET_SIZE(changes); ++k) {
          PyObject* parts = PyList_GET_ITEM(changes, k);
          const std::string what = Utf8(PyTuple_GET_ITEM(parts, 0));
          Py_XDECREF(PyObject_CallNoArgs(PyTuple_GET_ITEM(parts, 1)));
          BOOST_REQUIRE((PyErr_Occurred() == nullptr));
          const Walks after = both.Of(value);
          CheckTogether(before, after, what);
          noticed += before.encoding != after.encoding ? 1 : 0;
          Py_XDECREF(PyObject_CallNoArgs(PyTuple_GET_ITEM(parts, 2)));
          BOOST_REQUIRE((PyErr_Occurred() == nullptr));
        }
      }
    }
    BOOST_TEST(numbered > 300);  // of 900; fewer mean that the random values are too large to test anything
    BOOST_TEST(noticed > 300);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smiley::tracer
