"""Iterators written by hand, StopIteration in every place where it is swallowed or not."""


class Count:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n


def leaky():
    yield 1
    raise StopIteration("not allowed")


def first(iterable):
    for item in iterable:
        return item


def delegate():
    yield from Count(2)
    yield from iter([1])


print(list(Count(2)), [i for i in Count(2)], first(Count(3)), dict(zip("ab", Count(2))))
for i in Count(1):
    print(i)
else:
    print("out")
print(next(Count(0), "default"), list(delegate()), max(Count(3)), *Count(2))
try:
    list(leaky())
except RuntimeError as error:
    print(error)
a, b = Count(2)
try:
    a, b = Count(1)
except ValueError as error:
    print(error)
print(list(iter(Count(3).__next__, 1)), 1 in Count(3))
