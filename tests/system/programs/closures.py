"""Closures, nonlocal, late binding, cells that are emptied."""


def counter():
    n = 0

    def step(by=1):
        nonlocal n
        n += by
        return n

    def reset():
        nonlocal n
        n = 0

    return step, reset


def late():
    functions = []
    for i in range(3):
        def show():
            return i
        functions.append(show)
    return [f() for f in functions]


def emptied():
    value = 1

    def read():
        return value
    first = read()
    del value
    try:
        read()
    except NameError as error:
        return first, str(error)


def deep(a):
    def one(b):
        def two(c):
            return a + b + c
        return two
    return one


step, reset = counter()
step()
step(5)
reset()
print(step(), late(), emptied(), deep(1)(2)(3))
