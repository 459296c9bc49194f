"""Objects of a traced program have the same lifetime, reference count and size as without smiley."""

import unittest

import support
from test_tracer_faithful import Compared


class Lifetimes(Compared):
    def test_objects_die_at_the_same_moment(self):
        self.same("""
import gc
import sys
import weakref
gc.disable()
log = []


class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        log.append("del " + self.name)


class Listed(list):
    pass


def watch(thing, name):
    return weakref.ref(thing, lambda r: log.append("weak " + name))


def scope(argument):
    a = Thing("a")
    b = [Thing("in a list")]
    w = watch(a, "a")
    log.append("before")
    a = None
    log.append("rebound")
    b.clear()
    log.append("cleared")
    c = Thing("c")
    del c
    log.append("deleted")
    d = Listed()
    v = watch(d, "list")
    e = Thing("at return")
    return w, v


def raises():
    t = Thing("in a frame with an exception")
    raise ValueError("x")


def gen():
    t = Thing("in a generator")
    yield t
    log.append("never")


refs = scope(Thing("argument"))
log.append("returned")
try:
    raises()
except ValueError as error:
    log.append("handling")
log.append("handled")
g = gen()
next(g)
log.append("yielded")
del g
log.append("generator gone")
Thing("unused")
log.append("line after")
f = lambda: Thing("returned")
f()
x = Thing("first"); x = Thing("second"); log.append("same line")
del x
sys.stdout.write("\\n".join(log) + "\\n")
""")

    def test_a_class_at_the_address_of_one_that_died_is_another(self):
        text = (
            "import gc\n"
            "def use(self):\n    pass\n"
            "for base in (int, object, float, list, object, bytes) * 30:\n"
            "    class B(base):\n        pass\n"
            "    use(B())\n"
            "    del B\n    gc.collect()\n"
        )
        kinds = ["int", "object", "float", "list", "object", "bytes"]
        for python in support.pythons():
            with self.subTest(python=python):
                self.assert_code(self.record(text, python=python, options=["-q"]), 0)
                calls = [
                    o["changed"]["self"]
                    for o in self.smiley("export", "last", "--format", "jsonl").objects
                    if o["type"] == "event" and o["event"] == "call" and o.get("function") == "use"
                ]
                self.assertEqual([value["$type"] for value in calls], kinds * 30)

    def test_reference_counts_are_the_same(self):
        self.same("""
import sys
counts = []


class Thing:
    def method(self):
        counts.append(sys.getrefcount(self))


def f(x, *rest, **words):
    y = x
    counts.append((sys.getrefcount(x), sys.getrefcount(rest), sys.getrefcount(words)))
    z = [x]
    counts.append(sys.getrefcount(x))
    return y


def gen(x):
    while True:
        x = yield sys.getrefcount(x)


for thing in (Thing(), [1, 2], {"a": []}, (1, [2]), {3.5}, "made %d" % 1000, 10 ** 30, 3.25 * len(counts), b"bytes" * 2):
    counts.append(sys.getrefcount(thing))
    f(thing, thing, k=thing)
    counts.append(sys.getrefcount(thing))
    g = gen(thing)
    counts.append((next(g), g.send(thing), sys.getrefcount(thing)))
t = Thing()
t.method()
counts.append(sys.getrefcount(f))
counts.append(sys.getrefcount(f.__code__))
counts.append(sys.getrefcount(Thing))
try:
    raise ValueError(t)
except ValueError as e:
    counts.append((sys.getrefcount(e), sys.getrefcount(t)))
counts.append(sys.getrefcount(t))
print(counts)
""")

    def test_strings_that_are_appended_to_in_place_stay_so(self):
        # The interpreter does that with a local variable's own string while it has no hash.
        self.same("""
import ctypes
HASH = 24  # byte offset of the hash in a str


def build():
    text = "".join(["ab"] * 100)
    for n in range(20):
        found = len(text) + n
        found += text.count("b")
        text += "c"
    return ctypes.c_ssize_t.from_address(id(text) + HASH).value


known = "".join(["known ", "text"])
hash(known)
print(build(), ctypes.c_ssize_t.from_address(id(known) + HASH).value == hash(known))
""")

    def test_nothing_holds_what_the_program_made(self):
        self.same("""
import gc


class Thing:
    pass


def kinds(objects):
    return sorted(type(o).__name__ for o in objects)


def f(x):
    y = {"x": x}
    z = [y]
    return kinds(gc.get_referrers(x)), kinds(gc.get_referrers(y))


def gen(x):
    yield kinds(gc.get_referrers(x))


t = Thing()
t.me = [t]
print(f(t), next(gen(t)), kinds(gc.get_referrers(t)), kinds(gc.get_referrers(f)))
""")

    def test_no_dict_is_made_for_an_instance(self):
        for output in self.same("""
import gc
import sys


class Plain:
    def __init__(self, n):
        self.n = n
        self.other = [n]

    def grow(self):
        self.n += 1
        return self


class Exotic(list):
    pass


class Failure(Exception):
    pass


def f(x):
    y = x
    return y


gc.collect()
gc.disable()
before = sum(type(o) is dict for o in gc.get_objects())
things = [Plain(i) for i in range(200)]
sizes = {sys.getsizeof(t) for t in things}
for t in things:
    f(t.grow())
last = t
middle = sum(type(o) is dict for o in gc.get_objects())
exotic = [Exotic([i]) for i in range(200)]
for e in exotic:
    f(e)
failures = [Failure(i) for i in range(200)]
for e in failures:
    try:
        raise e
    except Failure as caught:
        f(caught)
after = sum(type(o) is dict for o in gc.get_objects())
referents = sorted({type(r).__name__ for r in gc.get_referents(things[0], exotic[0], failures[0])})
print(middle - before < 20, after - middle < 20, len(sizes) == 1, referents)
"""):
            self.assertTrue(output.startswith("True True True"), output)

    def test_the_collector_sees_no_more_objects(self):
        self.same("""
import gc


class Thing:
    def __init__(self, n):
        self.n = n


def work(n):
    table = {}
    for i in range(n):
        t = Thing(i)
        table[i % 7] = [t, (i, str(i))]
    return sum(len(v) for v in table.values())


def gen(n):
    for i in range(n):
        yield [i]


def failing(n):
    try:
        raise ValueError(n)
    except ValueError as e:
        return str(e)


def round_of_work():
    work(50)
    for x in gen(30):
        pass
    for i in range(20):
        failing(i)


round_of_work()
round_of_work()
gc.collect()
gc.disable()
first = len(gc.get_objects())
for i in range(20):
    round_of_work()
print(len(gc.get_objects()) - first, gc.get_count()[1:] >= (0, 0))
""")


if __name__ == "__main__":
    unittest.main()
