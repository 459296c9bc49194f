// Tests of the encoding of values: every form, the limits, shared parts, and objects with hostile methods.
#include <boost/test/unit_test.hpp>

#include "python.h"
#include "tracer/values/encoder.h"

namespace smiley::tracer {
namespace {

using test::Capture;
using test::Python;
using test::Show;

struct Expected {
  const char* expression;
  const char* shown;
};

template <std::size_t kCount>
void Check(Python* python, const Expected (&rows)[kCount], const Limits& limits = {}) {
  for (const Expected& row : rows) {
    Capture capture(limits);  // object numbers begin with 1 for each row
    BOOST_TEST_CONTEXT(row.expression) {
      BOOST_TEST(Show(capture.encoder->EncodeValue(python->Eval(row.expression))) == row.shown);
      BOOST_TEST((PyErr_Occurred() == nullptr));
    }
  }
}

BOOST_AUTO_TEST_SUITE(values)

BOOST_AUTO_TEST_CASE(plain_values) {
  const Expected rows[] = {
      {"None", "null"},
      {"True", "true"},
      {"False", "false"},
      {"0", "0"},
      {"-1", "-1"},
      {"2 ** 30", "1073741824"},
      {"2 ** 63 - 1", "9223372036854775807"},
      {"-(2 ** 63 - 1)", "-9223372036854775807"},
      {"2 ** 63", "bigint(64, \"9223372036854775808\")"},
      {"-(2 ** 64)", "bigint(65, \"-18446744073709551616\")"},
      {"1.5", "1.5"},
      {"-0.0", "-0.0"},
      {"float('inf')", "inf"},
      {"2 + 1j", "complex(2.0, 1.0)"},
      {"'a\\u00e4\\u20ac\\U0001f600'", "\"a\u00e4\u20ac\U0001f600\""},
      {"'\\ud800'", "strraw(0, h'eda080')"},
      {"b'\\x00\\xff'", "h'00ff'"},
      {"bytearray(b'ab')", "bytearray(1, 0, h'6162')"},
  };
  Python python;
  Check(&python, rows);
}

BOOST_AUTO_TEST_CASE(containers) {
  const Expected rows[] = {
      {"[1, 'a']", "list(1, 0, [1, \"a\"])"},
      {"()", "tuple(1, 0, [])"},
      {"(1, (2,))", "tuple(1, 0, [1, tuple(2, 0, [2])])"},
      {"{1}", "set(1, 0, [1])"},
      {"frozenset((1,))", "frozenset(1, 0, [1])"},
      {"{'b': 1, 'a': None}", "dict(1, 0, [\"b\", 1, \"a\", null])"},
      {"collections.deque([1, 2])", "deque(1, 0, [1, 2])"},
      {"collections.defaultdict(int, {1: 2})", "defaultdict(1, 0, [1, 2])"},
      {"collections.Counter('aab')", "counter(1, 0, [\"a\", 2, \"b\", 1])"},
      {"collections.OrderedDict([(1, 2)])", "odict(1, 0, [1, 2])"},
      {"[[1], [2]]", "list(1, 0, [list(2, 0, [1]), list(3, 0, [2])])"},
  };
  Python python;
  python.Run("import collections\n");
  Check(&python, rows);
}

BOOST_AUTO_TEST_CASE(objects_and_subclasses) {
  Python python;
  python.Run(
      "import collections\n"
      "class Plain:\n"
      "    def __init__(self, **names): self.__dict__.update(names)\n"
      "class Slots:\n"
      "    __slots__ = ('a', 'b')\n"
      "slots = Slots()\n"
      "slots.b = 2\n"
      "class Int(int): pass\n"
      "named = Int(3)\n"
      "named.unit = 'm'\n"
      "class List(list): pass\n"
      "Point = collections.namedtuple('Point', 'x y')\n");
  const Expected rows[] = {
      {"Plain(a=1, b=[2])", "object(1, 0, \"__main__.Plain\", [\"a\", 1, \"b\", list(2, 0, [2])])"},
      {"Plain()", "object(1, 0, \"__main__.Plain\", [])"},
      {"slots", "object(1, 0, \"__main__.Slots\", [\"b\", 2])"},
      {"object()", "object(1, 0, \"object\")"},
      {"Int(3)", "subclass(\"__main__.Int\", 3)"},
      {"named", "subclass(\"__main__.Int\", 3, [\"unit\", \"m\"])"},
      {"List([1])", "subclass(\"__main__.List\", list(1, 0, [1]))"},
      {"Point(1, 2)", "subclass(\"__main__.Point\", tuple(1, 0, [1, 2]))"},
  };
  Check(&python, rows);
}

BOOST_AUTO_TEST_CASE(values_that_are_written_as_a_text) {
  Python python;
  python.Run(
      "import datetime, decimal, fractions, uuid, pathlib, enum\n"
      "class Color(enum.Enum):\n"
      "    RED = 1\n"
      "def function(): pass\n"
      "class Plain:\n"
      "    def method(self): pass\n");
  const Expected rows[] = {
      {"range(1, 5)", "text(\"range\", \"range(1, 5)\")"},
      {"range(1, 5, 2)", "text(\"range\", \"range(1, 5, 2)\")"},
      {"slice(1, None)", "text(\"slice\", \"slice(1, None, None)\")"},
      {"Color.RED", "text(\"enum\", \"Color.RED\", \"__main__.Color\")"},
      {"datetime.date(2024, 1, 2)", "text(\"date\", \"2024-01-02\")"},
      {"datetime.time(1, 2, 3)", "text(\"time\", \"01:02:03\")"},
      {"datetime.datetime(2024, 1, 2, 3, 4, 5, 6)", "text(\"datetime\", \"2024-01-02 03:04:05.000006\")"},
      {"datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc)",
       "text(\"datetime\", \"2024-01-02 00:00:00+00:00\")"},
      {"datetime.timedelta(1, 2)", "text(\"timedelta\", \"1 day, 0:00:02\")"},
      {"decimal.Decimal('1.50')", "text(\"Decimal\", \"1.50\")"},
      {"fractions.Fraction(2, 6)", "text(\"Fraction\", \"1/3\")"},
      {"uuid.UUID(int=1)", "text(\"UUID\", \"00000000-0000-0000-0000-000000000001\")"},
      {"function", "text(\"function\", \"__main__.function\")"},
      {"Plain().method", "text(\"method\", \"__main__.Plain.method\")"},
      {"len", "text(\"builtin\", \"len\")"},
      {"Plain", "text(\"class\", \"__main__.Plain\")"},
      {"enum", "text(\"module\", \"enum\")"},
      {"...", "text(\"ellipsis\", \"Ellipsis\")"},
      {"NotImplemented", "text(\"notimplemented\", \"NotImplemented\")"},
  };
  Check(&python, rows);
  // The name of the module of pathlib's classes depends on the version.
  Capture capture;
  const std::string path = Show(capture.encoder->EncodeValue(python.Eval("pathlib.PurePosixPath('/a', 'b')")));
  BOOST_TEST(path.starts_with("text(\"Path\", \"/a/b\", \"pathlib."), path);
}

BOOST_AUTO_TEST_CASE(exceptions) {
  Python python;
  python.Run(
      "class Failure(ValueError): pass\n"
      "try:\n"
      "    try:\n"
      "        raise KeyError('k')\n"
      "    except KeyError as error:\n"
      "        raise Failure('broken', 2) from error\n"
      "except Failure as error:\n"
      "    error.add_note('look there')\n"
      "    failed = error\n");
  Capture capture;
  BOOST_TEST(Show(capture.encoder->EncodeValue(python.Eval("failed"))) ==
             "exception(1, \"__main__.Failure\", [\"broken\", 2], [\"look there\"], "
             "exception(2, \"KeyError\", [\"k\"], [], null, null), ref(2))");
  BOOST_TEST(Show(capture.encoder->EncodeException(python.Eval("failed"))) == "[\"Failure\", \"('broken', 2)\"]");
  const Expected messages[] = {
      {"ValueError()", "[\"ValueError\", \"\"]"},
      {"ValueError('a')", "[\"ValueError\", \"a\"]"},
      {"KeyError('a')", "[\"KeyError\", \"'a'\"]"},
      {"OSError(2, 'No such file', 'x')", "[\"FileNotFoundError\", \"[Errno 2] No such file: 'x'\"]"},
      {"ImportError('no module')", "[\"ImportError\", \"no module\"]"},
      {"UnicodeDecodeError('utf-8', b'\\xff', 0, 1, 'bad')",
       "[\"UnicodeDecodeError\", \"'utf-8' codec can't decode byte 0xff in position 0: bad\"]"},
      {"ExceptionGroup('two', [ValueError(), KeyError()])", "[\"ExceptionGroup\", \"two (2 sub-exceptions)\"]"},
  };
  for (const Expected& row : messages)
    BOOST_TEST(Show(capture.encoder->EncodeException(python.Eval(row.expression))) == row.shown);
}

BOOST_AUTO_TEST_CASE(limits_say_how_much_is_left_out) {
  Python python;
  python.Run(
      "import collections\n"
      "class Plain:\n"
      "    def __init__(self, **names): self.__dict__.update(names)\n"
      "class List(list): pass\n");
  Limits limits;
  limits.depth = 2;
  limits.items = 3;
  limits.chars = 4;
  const Expected rows[] = {
      {"[1, 2, 3, 4, 5]", "list(1, 2, [1, 2, 3])"},
      {"(1, 2, 3, 4)", "tuple(1, 1, [1, 2, 3])"},
      {"{1: 1, 2: 2, 3: 3, 4: 4}", "dict(1, 1, [1, 1, 2, 2, 3, 3])"},
      {"collections.deque(range(9))", "deque(1, 6, [0, 1, 2])"},
      {"[[[1, 2]]]", "list(1, 0, [list(2, 0, [list(3, 2)])])"},
      {"[[{1: 2}]]", "list(1, 0, [list(2, 0, [dict(3, 1)])])"},
      {"[[Plain(a=1)]]", "list(1, 0, [list(2, 0, [object(3, 1, \"__main__.Plain\")])])"},
      {"[[List([1])]]", "list(1, 0, [list(2, 0, [subclass(\"__main__.List\", list(3, 1))])])"},
      {"'abcdef'", "strcut(2, \"abcd\")"},
      {"'\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4'", "strcut(1, \"\u00e4\u00e4\u00e4\u00e4\")"},
      {"b'abcdef'", "bytescut(2, h'61626364')"},
      {"bytearray(b'abcdef')", "bytearray(1, 2, h'61626364')"},
      {"Plain(a=1, b=2, c=3, d=4)", "object(1, 1, \"__main__.Plain\", [\"a\", 1, \"b\", 2, \"c\", 3])"},
      {"len", "text(\"builtin\", \"len\")"},
  };
  Check(&python, rows, limits);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_cut_between_items) {
  Python python;
  Limits limits;
  limits.nodes = 5;
  Capture few(limits);
  BOOST_TEST(Show(few.encoder->EncodeValue(python.Eval("[1, 2, 3, 4, 5, 6]"))) == "list(1, 2, [1, 2, 3, 4])");
  BOOST_TEST(few.encoder->print() == 0u);
  limits = {};
  limits.bytes = 40;
  Capture small(limits);
  PyObject* texts = python.Eval("['a' * 15, 'b' * 15, 'c' * 15]");
  BOOST_TEST(Show(small.encoder->EncodeValue(texts)) == "list(1, 1, [\"aaaaaaaaaaaaaaa\", \"bbbbbbbbbbbbbbb\"])");
  BOOST_TEST(small.encoder->EncodeValue(texts).size() <= 40u);
  // A part that does not fit is left out whole.
  BOOST_TEST(Show(small.encoder->EncodeValue(python.Eval("['a', ['c' * 60]]"))) ==
             "list(2, 0, [\"a\", list(3, 1, [])])");
  // When the class name alone is too long, its beginning is written.
  python.Run("Long = type('L\u00e4' + 99 * 'ng', (), {})\n");
  limits.bytes = 60;
  Capture narrow(limits);
  BOOST_TEST(Show(narrow.encoder->EncodeValue(python.Eval("Long()"))) ==
             "unreadable(\"__main__.L\u00e4ngngngngngngngngngngngngngngngngngngngngngng\")");
}

// The encoding is one whole CBOR item, wherever the room ends. A container that was shortened must not hide that the
// key, name or item before it did not fit.
BOOST_AUTO_TEST_CASE(a_value_is_whole_wherever_its_room_ends) {
  Python python;
  python.Run(
      "import collections\n"
      "class Plain:\n"
      "    def __init__(self, **names): self.__dict__.update(names)\n"
      "class List(list): pass\n"
      "many = List([1, [2]])\n"
      "many.attribute = {1: [2]}\n");
  const char* const expressions[] = {
      "{'k': ['a' * 9, {1: (2, 3)}], 'l': [1.5, None]}",
      "{'a longer key than the rest': [1], 'and another, longer one': {2: [3]}, 'z': Plain(a=[1])}",
      "[{str(i) * 3: [i, (i,)]} for i in range(12)]",
      "{('a' * 8, i): Plain(first=[i], second={i: i}) for i in range(12)}",
      "Plain(a_rather_long_name=[1, 2], another=Plain(b={}), c=List([List([])]))",
      "many",
      "ValueError('a text', [1, {2: 3}], Plain(a=[1]))",
      "{1: ValueError('a' * 20, [1], {2: []})}",
      "collections.OrderedDict((('x' * 9, [1]), ('y' * 9, {2: 3})))",
  };
  for (const char* expression : expressions) {
    PyObject* object = python.Eval(expression);
    for (int bytes = 1; bytes < 400; ++bytes) {
      Limits limits;
      limits.bytes = bytes;
      Capture capture(limits);
      const std::string_view value = capture.encoder->EncodeValue(object);
      BOOST_REQUIRE(value.size() <= static_cast<std::size_t>(std::max(bytes, 64)));
      BOOST_REQUIRE_MESSAGE(Show(value) != "bad", expression << " in " << bytes << " bytes");
    }
  }
}

BOOST_AUTO_TEST_CASE(shared_and_cyclic_parts_are_written_once) {
  Python python;
  python.Run(
      "shared = [1]\n"
      "twice = [shared, shared]\n"
      "cycle = []\n"
      "cycle.append(cycle)\n"
      "class Node: pass\n"
      "node = Node()\n"
      "node.me = node\n"
      "loop = {}\n"
      "loop['a'] = [loop]\n");
  const Expected rows[] = {
      {"twice", "list(1, 0, [list(2, 0, [1]), ref(2)])"},
      {"cycle", "list(1, 0, [ref(1)])"},
      {"node", "object(1, 0, \"__main__.Node\", [\"me\", ref(1)])"},
      {"loop", "dict(1, 0, [\"a\", list(2, 0, [ref(1)])])"},
  };
  Check(&python, rows);
}

BOOST_AUTO_TEST_CASE(numbers_of_objects_stay_while_they_live) {
  Python python;
  python.Run("a, b = [], {}\n");
  Capture capture;
  BOOST_TEST(Show(capture.encoder->EncodeValue(python.Eval("a"))) == "list(1, 0, [])");
  BOOST_TEST(Show(capture.encoder->EncodeValue(python.Eval("b"))) == "dict(2, 0, [])");
  BOOST_TEST(Show(capture.encoder->EncodeValue(python.Eval("[a, b]"))) ==
             "list(3, 0, [list(1, 0, []), dict(2, 0, [])])");
  ObjectIds ids;
  python.Run("many = [[] for _ in range(20000)]\n");
  PyObject* many = python.Eval("many");
  for (Py_ssize_t turn = 0; turn < 2; ++turn) {  // the table grows in the first turn
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(many); ++i)
      BOOST_REQUIRE(ids.Of(PyList_GET_ITEM(many, i)) == static_cast<std::uint64_t>(i + 1));
  }
}

BOOST_AUTO_TEST_CASE(names_that_hide_and_what_they_hid) {
  Python python;
  python.Run(
      "import collections\n"
      "class Plain: pass\n"
      "user = Plain()\n"
      "user.password = 'correct horse'\n"
      "user.name = 'ada'\n"
      "Login = collections.namedtuple('Login', 'name password')\n");
  Capture capture;
  BOOST_TEST(Show(capture.encoder->EncodeValue(python.Eval("user"))) ==
             "object(1, 0, \"__main__.Plain\", [\"password\", redacted(), \"name\", \"ada\"])");
  BOOST_TEST(Show(capture.encoder->EncodeValue(python.Eval("{'api_key': 'abcdefgh1'}"))) ==
             "dict(2, 0, [\"api_key\", redacted()])");
  BOOST_TEST(Show(capture.encoder->EncodeValue(python.Eval("Login('ada', 'other secret')"))) ==
             "subclass(\"__main__.Login\", tuple(3, 0, [\"ada\", redacted()]))");
  BOOST_TEST(Show(capture.encoder->EncodeValue(python.Eval("'say correct horse!'"))) == "\"say ***!\"");
  BOOST_TEST(Show(capture.encoder->EncodeValue(python.Eval("'correct horse'"))) == "redacted()");
  BOOST_TEST(Show(capture.encoder->EncodeValue(python.Eval("b'correct horse'"))) == "redacted()");
  BOOST_TEST(Show(capture.encoder->EncodeException(python.Eval("ValueError('correct horse')"))) ==
             "[\"ValueError\", \"***\"]");
}

BOOST_AUTO_TEST_CASE(parts_of_an_older_value_say_when_they_were_read) {
  Python python;
  Capture capture;
  const std::string value(capture.encoder->EncodeValue(python.Eval("[1, [2], {3: [4]}]")));
  std::string older;
  BOOST_REQUIRE(capture.encoder->MarkParts(value, 7, &older));
  BOOST_TEST(Show(older) ==
             "list(1, 0, [1, asof(0, 7, list(2, 0, [2])), asof(0, 7, dict(3, 0, [3, list(4, 0, [4])]))])");
}

constexpr const char* kHostile =
    "class Meta(type):\n"
    "    def __getattribute__(cls, name): raise SystemError(name)\n"
    "    def __instancecheck__(cls, other): raise SystemError\n"
    "class Hostile(metaclass=Meta):\n"
    "    def __init__(self): object.__setattr__(self, 'kept', [1])\n"
    "    def fail(self, *_, **__): raise SystemError\n"
    "    __getattr__ = __repr__ = __str__ = __eq__ = __len__ = __iter__ = __bool__ = __index__ = fail\n"
    "    __format__ = __reduce__ = __dir__ = __next__ = __contains__ = __getitem__ = __setattr__ = fail\n"
    "    def __getattribute__(self, name): raise SystemError(name)\n"
    "    def __hash__(self): return 1\n"
    "    @property\n"
    "    def __class__(self): raise SystemError\n"
    "    @property\n"
    "    def __dict__(self): raise SystemError\n"
    "def hostile(base, *given):\n"
    "    class Part(base):\n"
    "        def fail(self, *_, **__): raise SystemError\n"
    "        __repr__ = __str__ = __len__ = __iter__ = __eq__ = __getitem__ = __bool__ = __getattribute__ = fail\n"
    "        __int__ = __index__ = __float__ = __complex__ = __bytes__ = __contains__ = __next__ = fail\n"
    "        __hash__ = base.__hash__\n"
    "    return Part(*given)\n";

// No method of a value is called, whatever it would do, and no reference to it is kept.
BOOST_AUTO_TEST_CASE(hostile_objects_are_not_called_and_not_kept) {
  Python python;
  python.Run(std::string(kHostile) + "import collections, datetime, decimal\n");
  const Expected rows[] = {
      {"Hostile()", "object(1, 0, \"__main__.Hostile\", [\"kept\", list(2, 0, [1])])"},
      {"[Hostile()]", "list(1, 0, [object(2, 0, \"__main__.Hostile\", [\"kept\", list(3, 0, [1])])])"},
      {"{Hostile(): 1}", "dict(1, 0, [object(2, 0, \"__main__.Hostile\", [\"kept\", list(3, 0, [1])]), 1])"},
      {"{Hostile()}", "set(1, 0, [object(2, 0, \"__main__.Hostile\", [\"kept\", list(3, 0, [1])])])"},
      {"hostile(list, [1])", "subclass(\"__main__.hostile.<locals>.Part\", list(1, 0, [1]))"},
      {"hostile(dict, {1: 2})", "subclass(\"__main__.hostile.<locals>.Part\", dict(1, 0, [1, 2]))"},
      {"hostile(set, [1])", "subclass(\"__main__.hostile.<locals>.Part\", set(1, 0, [1]))"},
      {"hostile(collections.deque, [1])", "object(1, 0, \"__main__.hostile.<locals>.Part\", [])"},
      {"hostile(int, 3)", "subclass(\"__main__.hostile.<locals>.Part\", 3)"},
      {"hostile(float, 3.5)", "subclass(\"__main__.hostile.<locals>.Part\", 3.5)"},
      {"hostile(str, 'a')", "subclass(\"__main__.hostile.<locals>.Part\", \"a\")"},
      {"hostile(bytes, b'a')", "subclass(\"__main__.hostile.<locals>.Part\", h'61')"},
      {"hostile(ValueError, 'a')", "exception(1, \"__main__.hostile.<locals>.Part\", [\"a\"], [], null, null)"},
  };
  for (const Expected& row : rows) {
    Capture capture;
    PyObject* value = python.Eval(row.expression);
    const Py_ssize_t references = Py_REFCNT(value);
    BOOST_TEST_CONTEXT(row.expression) {
      test::CallCounter counter;
      const std::string shown = Show(capture.encoder->EncodeValue(value));
      BOOST_TEST(counter.calls() == 0);
      BOOST_TEST(shown == row.shown);
      BOOST_TEST(Py_REFCNT(value) == references);
      BOOST_TEST((PyErr_Occurred() == nullptr));
    }
  }
}

BOOST_AUTO_TEST_CASE(messages_of_hostile_exceptions_are_not_asked_for) {
  Python python;
  python.Run(std::string(kHostile) +
             "class Failure(Exception):\n"
             "    def __str__(self): raise SystemError\n"
             "    __repr__ = __str__\n");
  Capture capture;
  PyObject* failure = python.Eval("Failure(Hostile(), 'a')");
  PyObject* one = python.Eval("Failure(Hostile())");
  test::CallCounter counter;
  BOOST_TEST(Show(capture.encoder->EncodeException(failure)) ==
             "[\"Failure\", \"(<__main__.Hostile object>, 'a')\"]");
  BOOST_TEST(Show(capture.encoder->EncodeException(one)) == "[\"Failure\", \"<__main__.Hostile object>\"]");
  BOOST_TEST(counter.calls() == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smiley::tracer
