"""Generators, recursion, exceptions and library code, for comparing counts of calls with a profiler's."""
import json
import re
import textwrap
import tokenize
import io


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def count(n):
    for i in range(n):
        yield i


def chain(n):
    yield from count(n)
    yield from (x * x for x in count(3))


class Failure(Exception):
    def __init__(self, depth):
        super().__init__(depth)
        self.depth = depth


def fail(depth):
    if depth == 0:
        raise Failure(depth)
    try:
        fail(depth - 1)
    finally:
        count(1)


def guarded(times):
    caught = 0
    for i in range(times):
        try:
            fail(i)
        except Failure:
            caught += 1
    return caught


def echo():
    got = None
    while True:
        try:
            got = yield got
        except ValueError:
            got = "thrown"


def drive():
    generator = echo()
    next(generator)
    for i in range(5):
        generator.send(i)
    generator.throw(ValueError())
    generator.close()


class Matrix:
    def __init__(self, rows):
        self.rows = rows

    def __getitem__(self, at):
        return self.rows[at]

    def __len__(self):
        return len(self.rows)

    @property
    def total(self):
        return sum(sum(row) for row in self.rows)


def library():
    data = {"name": "x", "items": [{"n": i, "t": [1.5, None, True]} for i in range(20)]}
    text = json.dumps(data, indent=1, sort_keys=True)
    for _ in range(3):
        json.loads(text)
    list(tokenize.generate_tokens(io.StringIO("def f(a, b=1):\n    return a + b  # sum\n").readline))
    return textwrap.fill(text, 40), re.sub("[0-9]+", "n", text)


def main():
    fib(12)
    even(20)
    list(chain(7))
    guarded(6)
    drive()
    matrix = Matrix([[1, 2], [3, 4]])
    [len(row) for row in matrix]
    matrix.total
    sorted(range(10), key=lambda n: -n)
    library()


main()
