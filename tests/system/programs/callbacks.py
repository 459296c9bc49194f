"""Functions of the program that the library calls, in C and in Python."""
import functools
import heapq
import itertools
import json
import operator
import re
import string


def key(pair):
    return -pair[1]


def double(match):
    return match.group() * 2


@functools.lru_cache(maxsize=2)
def cached(n):
    return n if n < 2 else cached(n - 1) + cached(n - 2)


@functools.singledispatch
def show(value):
    return "any"


@show.register
def _(value: int):
    return "int"


@show.register(list)
def _(value):
    return [show(v) for v in value]


class Lazy:
    @functools.cached_property
    def value(self):
        return 42

    @functools.partialmethod
    def nothing(self):
        return None


def fallback(value):
    if isinstance(value, set):
        return sorted(value)
    raise TypeError("no " + type(value).__name__)


pairs = [("a", 1), ("b", 3), ("c", 2)]
print(sorted(pairs, key=key), min(pairs, key=key), list(map(key, pairs)), list(filter(lambda p: p[1] > 1, pairs)))
print(re.sub("[ac]", double, "abc"), cached(6), cached.cache_info().misses)
print(show(1), show(["x", 2]), Lazy().value, functools.reduce(lambda a, b: a * b, range(1, 5)))
print(json.dumps({"s": {2, 1}}, default=fallback), json.loads('{"a": [1]}', object_hook=lambda d: sorted(d)))
try:
    json.dumps(object(), default=fallback)
except TypeError as error:
    print(error)
print([(k, [n for _, n in g]) for k, g in itertools.groupby(sorted(pairs, key=key), key=lambda p: p[1] > 1)])
print(list(itertools.takewhile(lambda n: n < 3, itertools.accumulate(range(5), lambda a, b: a + b))))
print(list(heapq.merge([1, 4], [2, 3], key=lambda n: n)), functools.partial(operator.add, 1)(2))
print(sorted("bca", key=functools.cmp_to_key(lambda a, b: (a < b) - (a > b))))


class Template(string.Template):
    delimiter = "%"


class Words(dict):
    def __missing__(self, name):
        return name.upper()


print(Template("%a %b").substitute(Words(a=1)))
