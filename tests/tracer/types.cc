// Tests of the shape that each object gets, by its C layout.
#include "tracer/values/types.h"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>

#include "python.h"

namespace smiley::tracer {
namespace {

using test::Python;

struct Kind {
  const char* expression;
  Shape shape;
  const char* name;
  bool subclass = false;
  bool attributes = false;
};

void Check(Python* python, const Kind& kind) {
  Types types;
  BOOST_TEST_CONTEXT(kind.expression) {
    const TypeInfo& info = types.OfObject(python->Eval(kind.expression));
    BOOST_TEST(static_cast<int>(info.shape) == static_cast<int>(kind.shape));
    BOOST_TEST(info.name == kind.name);
    BOOST_TEST(info.subclass == kind.subclass);
    BOOST_TEST(info.attributes == kind.attributes);
  }
}

BOOST_AUTO_TEST_SUITE(types)

BOOST_AUTO_TEST_CASE(builtins_are_known_exactly) {
  const Kind kinds[] = {
      {"None", Shape::kNone, "NoneType"},
      {"True", Shape::kBool, "bool"},
      {"7", Shape::kInt, "int"},
      {"10 ** 40", Shape::kInt, "int"},
      {"1.5", Shape::kFloat, "float"},
      {"1j", Shape::kComplex, "complex"},
      {"'a'", Shape::kStr, "str"},
      {"b'a'", Shape::kBytes, "bytes"},
      {"bytearray(b'a')", Shape::kByteArray, "bytearray"},
      {"[1]", Shape::kList, "list"},
      {"(1,)", Shape::kTuple, "tuple"},
      {"{1}", Shape::kSet, "set"},
      {"frozenset((1,))", Shape::kFrozenSet, "frozenset"},
      {"{1: 2}", Shape::kDict, "dict"},
      {"range(3)", Shape::kRange, "range"},
      {"slice(1, 2)", Shape::kSlice, "slice"},
      {"len", Shape::kBuiltin, "builtin_function_or_method"},
      {"[].append", Shape::kBuiltin, "builtin_function_or_method"},
      {"...", Shape::kEllipsis, "ellipsis"},
      {"NotImplemented", Shape::kNotImplemented, "NotImplementedType"},
      {"object()", Shape::kOpaque, "object"},
      {"iter([])", Shape::kOpaque, "list_iterator"},
      {"memoryview(b'a')", Shape::kOpaque, "memoryview"},
  };
  Python python;
  for (const Kind& kind : kinds) Check(&python, kind);
}

BOOST_AUTO_TEST_CASE(the_library_s_classes_are_known_by_name_and_layout) {
  Python python;
  python.Run("import collections, datetime, decimal, fractions, uuid, pathlib, enum, sys\n");
  const Kind kinds[] = {
      {"collections.deque([1])", Shape::kDeque, "collections.deque"},
      {"collections.defaultdict(int)", Shape::kDefaultDict, "collections.defaultdict"},
      {"collections.OrderedDict()", Shape::kOrderedDict, "collections.OrderedDict", false, true},
      {"datetime.datetime(2024, 1, 2)", Shape::kDateTime, "datetime.datetime"},
      {"datetime.date(2024, 1, 2)", Shape::kDate, "datetime.date"},
      {"datetime.time(1, 2)", Shape::kTime, "datetime.time"},
      {"datetime.timedelta(1)", Shape::kTimeDelta, "datetime.timedelta"},
      {"datetime.timezone.utc", Shape::kTimeZone, "datetime.timezone"},
      {"decimal.Decimal('1.5')", Shape::kDecimal, "decimal.Decimal"},
      {"sys", Shape::kModule, "module", false, true},
  };
  for (const Kind& kind : kinds) Check(&python, kind);
  const std::pair<const char*, Shape> in_python[] = {
      {"collections.Counter('aab')", Shape::kCounter},
      {"fractions.Fraction(1, 3)", Shape::kFraction},
      {"uuid.UUID(int=5)", Shape::kUuid},
      {"pathlib.PurePosixPath('/a/b')", Shape::kPath},
      {"pathlib.Path('/a/b')", Shape::kPath},
  };
  Types types;
  for (const auto& [expression, shape] : in_python) {
    BOOST_TEST_CONTEXT(expression) {
      BOOST_TEST(static_cast<int>(types.OfObject(python.Eval(expression)).shape) == static_cast<int>(shape));
    }
  }
}

BOOST_AUTO_TEST_CASE(classes_of_the_program) {
  Python python;
  python.Run(
      "import enum, collections\n"
      "class Plain: pass\n"
      "class Slots:\n"
      "    __slots__ = ('a', 'b')\n"
      "class Empty:\n"
      "    __slots__ = ()\n"
      "class Int(int): pass\n"
      "class SlottedInt(int):\n"
      "    __slots__ = ()\n"
      "class Float(float): pass\n"
      "class Complex(complex): pass\n"
      "class Set(set): pass\n"
      "class Frozen(frozenset): pass\n"
      "class Tuple(tuple): pass\n"
      "class Blob(bytes): pass\n"
      "class List(list): pass\n"
      "class Dict(dict): pass\n"
      "class Text(str): pass\n"
      "class Bytes(bytearray): pass\n"
      "class Count(collections.Counter): pass\n"
      "class Order(collections.OrderedDict): pass\n"
      "class Failure(ValueError): pass\n"
      "class Color(enum.Enum):\n"
      "    RED = 1\n"
      "class Meta(type): pass\n"
      "class Made(metaclass=Meta): pass\n"
      "class Outer:\n"
      "    class Inner: pass\n"
      "Point = collections.namedtuple('Point', 'x y')\n"
      "def function(): pass\n");
  const Kind kinds[] = {
      {"Plain()", Shape::kObject, "__main__.Plain", false, true},
      {"Slots()", Shape::kObject, "__main__.Slots", false, true},
      {"Empty()", Shape::kOpaque, "__main__.Empty"},
      {"Outer.Inner()", Shape::kObject, "__main__.Outer.Inner", false, true},
      {"Int(3)", Shape::kInt, "__main__.Int", true, true},
      {"SlottedInt(3)", Shape::kInt, "__main__.SlottedInt", true, false},
      {"Float(3)", Shape::kFloat, "__main__.Float", true, true},
      {"Complex(3)", Shape::kComplex, "__main__.Complex", true, true},
      {"Set()", Shape::kSet, "__main__.Set", true, true},
      {"Frozen()", Shape::kFrozenSet, "__main__.Frozen", true, true},
      {"Tuple()", Shape::kTuple, "__main__.Tuple", true, true},
      {"Blob()", Shape::kBytes, "__main__.Blob", true, true},
      {"List()", Shape::kList, "__main__.List", true, true},
      {"Dict()", Shape::kDict, "__main__.Dict", true, true},
      {"Text()", Shape::kStr, "__main__.Text", true, true},
      {"Bytes()", Shape::kByteArray, "__main__.Bytes", true, true},
      {"Count()", Shape::kCounter, "__main__.Count", true, true},
      {"Order()", Shape::kOrderedDict, "__main__.Order", true, true},
      {"Point(1, 2)", Shape::kTuple, "__main__.Point", true, false},
      {"Failure()", Shape::kException, "__main__.Failure", false, true},
      {"Color.RED", Shape::kEnum, "__main__.Color"},
      {"function", Shape::kFunction, "function", false, true},
      {"Plain", Shape::kClass, "type"},
  };
  for (const Kind& kind : kinds) {
    if (kind.shape == Shape::kFunction || kind.shape == Shape::kClass) {  // their attributes are not recorded
      Types types;
      BOOST_TEST(static_cast<int>(types.OfObject(python.Eval(kind.expression)).shape) ==
                 static_cast<int>(kind.shape));
    } else {
      Check(&python, kind);
    }
  }
  Types types;
  BOOST_TEST(static_cast<int>(types.OfObject(python.Eval("Made")).shape) == static_cast<int>(Shape::kClass));
  const TypeInfo& point = types.OfObject(python.Eval("Point(1, 2)"));
  BOOST_TEST(point.fields == (std::vector<std::string>{"x", "y"}), boost::test_tools::per_element());
  BOOST_TEST(types.OfObject(python.Eval("Slots()")).slots.size() == 2u);
}

// A program's class with the name of a library class must not be read by the library class's layout.
BOOST_AUTO_TEST_CASE(a_class_with_a_known_name_is_read_by_its_own_layout) {
  Python python;
  python.Run(
      "class deque: pass\n"
      "class datetime: pass\n"
      "class defaultdict: pass\n"
      "class Decimal: pass\n"
      "class Counter: pass\n"
      "for one, module in ((deque, 'collections'), (datetime, 'datetime'), (defaultdict, 'collections'),\n"
      "                    (Decimal, 'decimal'), (Counter, 'collections')):\n"
      "    one.__module__ = module\n");
  for (const char* expression : {"deque()", "datetime()", "defaultdict()", "Decimal()", "Counter()"}) {
    BOOST_TEST_CONTEXT(expression) {
      Types types;
      const TypeInfo& info = types.OfObject(python.Eval(expression));
      BOOST_TEST(static_cast<int>(info.shape) == static_cast<int>(Shape::kObject));
    }
  }
}

// The cache's key is the address, and a new class may have the address of a dead one.
BOOST_AUTO_TEST_CASE(a_class_at_the_address_of_a_dead_one_is_classified_again) {
  constexpr int kMany = 200;  // some of them at an address that another one had
  Types types;
  std::set<PyTypeObject*> dead;
  {
    Python python;
    python.Run("firsts = [type('First', (int,), {})(1) for n in range(200)]\n");
    for (int i = 0; i < kMany; ++i) {
      PyObject* object = python.Eval("firsts[" + std::to_string(i) + "]");
      dead.insert(Py_TYPE(object));
      BOOST_TEST(types.OfObject(object).name == "__main__.First");
    }
  }
  PyGC_Collect();
  int reused = 0;
  Python python;
  python.Run("seconds = [type('Second', (list,), {})() for n in range(200)]\n");
  for (int i = 0; i < kMany; ++i) {
    PyObject* object = python.Eval("seconds[" + std::to_string(i) + "]");
    reused += static_cast<int>(dead.count(Py_TYPE(object)));
    BOOST_TEST(types.OfObject(object).name == "__main__.Second");
    BOOST_TEST(static_cast<int>(types.OfObject(object).shape) == static_cast<int>(Shape::kList));
  }
  BOOST_TEST(reused > 0);
}

// Names are read from the type's own dict. No metaclass and no descriptor of the program is called.
BOOST_AUTO_TEST_CASE(classifying_runs_no_code_of_the_program) {
  Python python;
  python.Run(
      "class Meta(type):\n"
      "    def __getattribute__(cls, name): raise SystemError(name)\n"
      "    def __instancecheck__(cls, other): raise SystemError\n"
      "    def __subclasscheck__(cls, other): raise SystemError\n"
      "    def mro(cls): return type.mro(cls)\n"
      "class Hostile(metaclass=Meta):\n"
      "    @property\n"
      "    def __class__(self): raise SystemError\n"
      "    def __getattribute__(self, name): raise SystemError(name)\n");
  PyObject* object = python.Eval("Hostile()");
  Types types;
  test::CallCounter counter;
  const TypeInfo& info = types.OfObject(object);
  BOOST_TEST(counter.calls() == 0);
  BOOST_TEST(static_cast<int>(info.shape) == static_cast<int>(Shape::kObject));
  BOOST_TEST(info.name == "__main__.Hostile");
  BOOST_TEST((PyErr_Occurred() == nullptr));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smiley::tracer
