"""Generators that are run through, left half way, and dropped."""


def count(n):
    i = 0
    while i < n:
        yield i
        i += 1
    return "done"


def empty():
    return
    yield


def pairs(first, second):
    for a in first:
        for b in second:
            yield a, b


total = 0
for i in count(4):
    total += i
print(total, list(empty()), list(pairs("ab", (1, 2))))
half = count(3)
print(next(half))
del half
print(sum(x * x for x in count(3)), max(count(2), default=None))
left = count(2)
try:
    while True:
        next(left)
except StopIteration as stop:
    print(stop.value)
squares = (n * n for n in range(3) if n)
for n in squares:
    print(n)
a, *b = count(4)
print(a, b)
