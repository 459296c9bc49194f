"""Comprehensions: nested, with conditions, in functions, classes and over several lines."""

rows = [[i * j for j in range(3)] for i in range(3)]
flat = [cell for row in rows for cell in row if cell]
unique = {cell % 2 for cell in flat}
index = {i: {j for j in row} for i, row in enumerate(rows)}


def inside(n):
    scale = 2
    values = [
        scale * i
        for i in range(n)
        if i % 2
    ]
    return {
        v: [scale + w for w in range(v)]
        for v in values
    }


class Table:
    size = 3
    cells = [0 for _ in range(3)]
    names = [str(n) for n in range(size)]


def shadow(x):
    y = [x for x in range(x)]
    return x, y


def fails():
    return [1 // i for i in (1, 0)]


print(rows, flat, unique, index, inside(4), Table.names, shadow(2))
print(any(c > 3 for c in flat), [(lambda: i)() for i in range(2)], [y := 1, y ** 2])
try:
    fails()
except ZeroDivisionError:
    print("zero")
