"""The program cannot notice the tracer: no method of its objects is called, and no object lives longer."""

import ast
import unittest

import support

HOSTILE = '''
calls = []


def refuses(name):
    def method(*args, **words):
        calls.append(name)
        raise RuntimeError("smiley called " + name)
    return method


NAMES = """__repr__ __str__ __bytes__ __format__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ __bool__ __len__
__length_hint__ __iter__ __next__ __reversed__ __contains__ __getitem__ __setitem__ __delitem__ __missing__ __getattr__
__getattribute__ __setattr__ __delattr__ __dir__ __get__ __set__ __call__ __int__ __float__ __complex__ __index__
__reduce__ __reduce_ex__ __getstate__ __sizeof__ __enter__ __exit__ __await__ __aiter__ __anext__ __instancecheck__
__subclasscheck__ __fspath__ __copy__ __deepcopy__ __add__ __radd__ __neg__ __invert__ __round__ __buffer__""".split()
METHODS = {name: refuses(name) for name in NAMES}


class Meta(type):
    pass


PROPERTIES = {name: property(refuses(name), refuses(name)) for name in
              ("__class__", "__doc__", "args", "real", "imag", "name", "value", "_name_", "_value_", "shape", "dtype",
               "__notes__", "__cause__", "__context__", "_str", "_parts", "int", "numerator", "_numerator", "year",
               "__dataclass_fields__", "_fields", "__smiley__", "__slots__x")}


def hostile(name, base, **more):
    body = dict(METHODS)
    body.update(PROPERTIES)
    body.update(more)
    if base is not object:
        body.pop("__notes__", None)
    return Meta(name, (base,), body)


for name in ("__repr__", "__str__", "__eq__", "__hash__", "__getattribute__", "__instancecheck__", "__subclasscheck__",
             "__len__", "__iter__", "__bool__", "__dir__", "__getitem__", "__contains__", "__prepare__"):
    setattr(Meta, name, refuses("meta " + name))
'''


class Compared(support.SmileyTest):
    def setUp(self):
        super().setUp()
        self.env["PYTHONHASHSEED"] = "0"

    def same(self, text, *options, code=0, pythons=None):
        """Runs the text without and with smiley; output, errors and end are equal. Returns one output an interpreter."""
        outputs = []
        for python in pythons or support.pythons():
            with self.subTest(python=python):
                path = self.script("app.py", text)
                before = self.run_words([python, path])
                self.assertEqual(before.code, code, repr(before))
                after = self.smiley("run", "-q", *options, "--python", python, path)
                self.assertEqual(after.out.decode(), before.out.decode())
                self.assertEqual(after.err.decode(), before.err.decode())
                self.assertEqual(after.code, before.code)
                end = self.smiley("export", "last", "--format", "jsonl").objects[-1]
                self.assertTrue(end["complete"], end)
                self.assertGreater(end["events"], 5)
                outputs.append(before.text)
        return outputs


class Faithful(Compared):
    def test_no_special_method_is_called(self):
        for output in self.same(
            HOSTILE
            + """
import collections
import enum
import pathlib


def use(thing, *rest, **words):
    local = thing
    held = [thing, (thing,), {"key": thing}]
    other = local
    del local
    return other


def gen(thing):
    got = yield thing
    yield got


def path(kind):
    thing = object.__new__(kind)
    for name, value in (("_drv", ""), ("_root", ""), ("_raw_paths", ["a", "b"])):
        try:
            object.__setattr__(thing, name, value)
        except AttributeError:
            pass
    return thing


BUILT = {pathlib.PurePosixPath: path}
made = []
for base in (object, int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict,
             collections.deque, collections.defaultdict, collections.OrderedDict, collections.Counter, Exception,
             KeyError, OSError, pathlib.PurePosixPath):
    kind = hostile("Hostile", base)
    thing = BUILT.get(base, base.__new__)(kind)
    if issubclass(base, BaseException):
        base.__init__(thing, 1, "two")
    made.append(thing)
    use(thing, thing, word=thing)
    g = gen(thing)
    next(g)
    g.send(thing)
    x = thing
    if issubclass(base, BaseException):
        try:
            raise thing
        except BaseException as caught:
            y = caught
        finally:
            z = None


class InDict:
    pass


holder = InDict()
holder.thing = made[0]
object.__setattr__(made[0], "attribute", made[1])
holder.self = holder
kind = hostile("Hostile", object)
use(kind)
print([name for name in calls if name != "meta __subclasscheck__"])  # that one the except clauses call
print(calls)
"""
        ):
            self.assertTrue(output.startswith("[]\n"), output)

    def test_no_special_method_of_keys_and_members_is_called(self):
        for output in self.same("""
calls = []


class Key:
    def __init__(self, n):
        self.n = n

    def __hash__(self):
        calls.append("hash")
        return self.n % 2

    def __eq__(self, other):
        calls.append("eq")
        return self is other

    def __repr__(self):
        calls.append("repr")
        return "key"

    def __del__(self):
        calls.append("del")


def make():
    table = {Key(i): Key(-i) for i in range(4)}
    members = {Key(i) for i in range(4)}
    frozen = frozenset(members)
    return table, members, frozen


def look(table, members, frozen):
    count = 0
    for key in table:
        count += 1
    x = table
    y = (table, members)
    return count


made = make()
look(*made)
print(calls.count("repr"), len(calls), calls)
del made
print(len(calls), calls)
"""):
            self.assertTrue(output.startswith("0 "), output)

    def test_the_message_of_an_exception_is_not_asked_for(self):
        for output in self.same("""
calls = []


class Own(Exception):
    def __str__(self):
        calls.append("str")
        return "told"

    def __repr__(self):
        calls.append("repr")
        return "told"

    @property
    def args(self):
        calls.append("args")
        return ("told",)


class Argument:
    def __str__(self):
        calls.append("argument")
        return "argument"
    __repr__ = __str__


def f(kind, *args):
    raise kind(*args)


for kind in (Own, KeyError, ValueError, OSError, ImportError, SyntaxError, UnicodeError):
    for args in ((), ("plain",), (Argument(),), (Argument(), Argument()), (Own("inner"),)):
        try:
            f(kind, *args)
        except Exception as error:
            caught = error
try:
    raise ExceptionGroup("group", [Own(1), ValueError(Argument())])
except* ValueError:
    pass
except* Own:
    pass
print(calls)
"""):
            self.assertEqual(output, "[]\n")

    def test_what_a_signal_handler_raises_is_never_lost(self):
        # An exception's text, a range and numbers of every size are encoded many times while signals come.
        text = (
            "import signal\n"
            "class Tick(BaseException): pass\n"
            "def handler(number, frame):\n"
            "    global ticked\n"
            "    ticked = True\n"
            "    raise Tick\n"
            "signal.signal(signal.SIGALRM, handler)\n"
            "def work():\n"
            "    while not ticked:\n"
            "        for thrown in (ValueError(7), ValueError('seven', 7), KeyError('k'), OSError(2, 'gone', 'f'), SyntaxError('bad', ('f', 3, 1, ''))):\n"
            "            try: raise thrown\n"
            "            except Exception as error: seen = error\n"
            "        numbers = range(10**30, 10**400, 3), 2**64, -10**300, 10**2000\n"
            "    return numbers\n"
            "caught = lost = 0\n"
            "for n in range(150):\n"
            "    ticked = False\n"
            "    try:\n"
            "        signal.setitimer(signal.ITIMER_REAL, 0.0005 + n % 50 * 1e-5)\n"
            "        work()\n"
            "        lost += 1\n"
            "    except Tick: caught += 1\n"
            "print(caught, lost)\n"
        )
        for python in support.pythons():
            with self.subTest(python=python):
                result = self.record(text, python=python, options=["-q"])
                self.assert_code(result, 0)
                self.assertEqual(result.text, "150 0\n", result.err)

    def test_messages_are_what_str_gives(self):
        text = (
            "import zlib\n"
            "class Own(OSError): pass\n"
            "class Sub(str): pass\n"
            "shown = [\n"
            "    ValueError(), ValueError(7), ValueError(-2**70), ValueError(None), ValueError('a', 1, 2.5, b'x', (1,), [], {'k': 'v'}),\n"
            "    ValueError(''), ValueError(Sub('sub')), KeyError('k'), KeyError(), KeyError(1, 'two'), KeyError((1, 2)), IndexError('i'),\n"
            "    OSError(2, 'gone'), OSError(2, 'gone', 'a file'), OSError(2, 'gone', 'one', None, 'two'), OSError('only'), OSError(), OSError(1, 2, 3),\n"
            "    Own(13, 'no', b'bytes'), FileNotFoundError(2, 'gone', 'n\\'q'), OSError(None, None), OSError('a', 'b'),\n"
            "    SyntaxError('bad'), SyntaxError(), SyntaxError('bad', ('dir/f.py', 3, 1, 'text')), SyntaxError('bad', (None, 3, 1, 'text')),\n"
            "    SyntaxError('bad', ('f.py', None, 1, 'text')), IndentationError('in', ('/x/y', 2**70, 0, '')) if False else IndentationError('in'),\n"
            "    ImportError('no', name='x'), ImportError(), ImportError('a', 'b'), ModuleNotFoundError('m'), StopIteration(3), SystemExit(4),\n"
            "    UnicodeEncodeError('ascii', 'x\\xe9', 1, 2, 'why'), UnicodeEncodeError('ascii', '\\u20ac', 0, 1, 'why'),\n"
            "    UnicodeEncodeError('ascii', '\\U0001f600ab', 0, 1, 'why'), UnicodeEncodeError('ascii', 'abcd', 1, 3, 'why'),\n"
            "    UnicodeDecodeError('utf-8', b'ab\\xff', 2, 3, 'why'), UnicodeDecodeError('utf-8', b'abcd', 0, 3, 'why'),\n"
            "    UnicodeTranslateError('a\\xe9', 1, 2, 'why'), UnicodeTranslateError('abc', 0, 2, 'why'), UnicodeError('plain', 1),\n"
            "    ExceptionGroup('many', [ValueError(1), KeyError(2)]), ExceptionGroup('one', (ValueError(1),)), zlib.error('z'),\n"
            "    ValueError(range(3)), ValueError(range(1, 2**80, 5)), ValueError(10**100), ValueError(True), ValueError(1e300, 2j),\n"
            "]\n"
            "for one in shown:\n"
            "    try: raise one\n"
            "    except BaseException as error: print(ascii(str(error)))\n"
        )
        for python in support.pythons():
            with self.subTest(python=python):
                result = self.record(text, python=python, options=["-q"])
                self.assert_code(result, 0)
                told = [
                    o["exception"]["message"]
                    for o in self.smiley("export", "last", "--format", "jsonl").objects
                    if o["type"] == "event" and o["event"] == "raise"
                ]
                self.assertEqual([ascii(message) for message in told], result.text.splitlines())

    def test_large_numbers_show_their_leading_digits(self):
        text = (
            "numbers = [10**5000, 10**5000 - 1, -(7**9000), 3**1500, 2**64, -2**63 - 1, 10**255, 10**256, -10**20000 + 1]\n"
            "import sys\n"
            "sys.set_int_max_str_digits(0)\n"
            "print([(n.bit_length(), ('-' if n < 0 else '') + str(abs(n))[:256], len(str(abs(n))) > 256) for n in numbers])\n"
        )
        for python in support.pythons():
            with self.subTest(python=python):
                result = self.record(text, python=python, options=["-q", "--nodes", "2000", "--bytes", "20000"])
                self.assert_code(result, 0)
                shown = [
                    o["changed"]["numbers"]["items"]
                    for o in self.smiley("export", "last", "--format", "jsonl").objects
                    if o["type"] == "event" and "items" in o.get("changed", {}).get("numbers", {})
                ][0]
                known = ast.literal_eval(result.text)
                self.assertEqual([n["text"] for n in shown], [text for _, text, _ in known])
                self.assertEqual([n["bits"] for n in shown if "bits" in n], [bits for bits, _, cut in known if cut])

    def test_tracebacks_and_stacks_are_the_same(self):
        self.same(
            """
import sys
import traceback


def stack():
    names = []
    frame = sys._getframe()
    while frame is not None:
        names.append((frame.f_code.co_name, frame.f_lineno))
        frame = frame.f_back
    return names


def gen():
    yield stack()
    raise KeyError("from a generator")


def handler():
    try:
        list(gen())
    except KeyError as error:
        traceback.print_exc(file=sys.stdout)
        raise RuntimeError("second") from error


print(stack(), [f.name for f in traceback.extract_stack()], next(gen()))
print([(lambda: stack())() for _ in range(2)])
print(sys.gettrace(), sys.getprofile())
handler()
""",
            code=1,
        )

    def test_limits_of_recursion_are_the_same(self):
        self.same("""
import sys


def depth(n=1):
    try:
        return depth(n + 1)
    except RecursionError:
        return n


class Node:
    def __init__(self, below):
        self.below = below


def chain(n):
    node = None
    for _ in range(n):
        node = Node(node)
    return node


def nested(n):
    inner = []
    for _ in range(n):
        inner = [inner]
    return inner


for limit in (300, 1000, 20000, 60000):
    sys.setrecursionlimit(limit)
    print(limit, depth())
sys.setrecursionlimit(1000)
c = chain(5000)
d = nested(5000)
e = d
while e:
    e = e[0]
while c:
    c = c.below
del d
print("done")
""")

    def test_names_and_modules_are_the_same(self):
        self.same("""
import builtins
import sys


def f():
    x = 1
    return sorted(locals()), sorted(globals())


print(f(), [n for n in dir(builtins) if "smiley" in n], [m for m in sys.modules if "smiley" in m])
print(sys.argv[1:], __name__, __spec__, __loader__ is not None, sorted(k for k in vars() if "smiley" in k))
import os
print(sorted(k for k in os.environ if "SMILEY" in k.upper() and k != "SMILEY_HOME"), os.environ.get("LD_PRELOAD"))
print(sys.flags, sys.warnoptions)
""")

    def test_the_program_can_trace_itself(self):
        self.same("""
import sys
seen = []


def trace(frame, event, arg):
    if frame.f_code.co_name == "f":
        seen.append((event, frame.f_lineno))
        return trace


def f(n):
    for i in range(n):
        n += i
    return n


sys.settrace(trace)
f(2)
sys.settrace(None)
print(seen, f(2), sys.gettrace())
""")

    def test_others_who_keep_something_in_code_objects_hear_of_their_own_only(self):
        # Once a code object has room for such things, the interpreter calls every user's function that frees them.
        self.same("""
import ctypes
import sys
freed = []
free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(freed.append)
request = "PyUnstable_Eval_RequestCodeExtraIndex" if sys.version_info >= (3, 12) else "_PyEval_RequestCodeExtraIndex"
getattr(ctypes.pythonapi, request)(free)
for n in range(5):
    scope = {}
    exec("def g():\\n    return %d" % n, scope)
    scope["g"]()
    del scope
print(freed)
""")

    def test_values_changed_through_a_frame_are_the_programs_own(self):
        self.same("""
import sys


def f():
    x = 1
    before = dict(sys._getframe().f_locals)
    sys._getframe().f_locals["x"] = 5
    y = x
    return x, y, sorted(before)


def g():
    x = 1
    l = locals()
    x = 2
    return l["x"], x


class C:
    a = 1
    locals()["b"] = 2


print(f(), g(), C.b)
""")


if __name__ == "__main__":
    unittest.main()
