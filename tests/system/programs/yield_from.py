"""Delegation: results, sent values, exceptions through several generators."""


def inner(n):
    got = []
    for i in range(n):
        got.append((yield i))
    return got


def middle():
    first = yield from inner(2)
    second = yield from inner(1)
    return first + second


def outer():
    result = yield from middle()
    yield result
    yield from [7, 8]
    yield from "x"


def careful():
    try:
        yield from inner(3)
    except KeyError:
        yield "caught"
    finally:
        yield "last"


g = outer()
print(next(g), g.send("a"), g.send("b"), g.send("c"), list(g))
c = careful()
print(next(c), c.throw(KeyError("k")), next(c))
try:
    next(c)
except StopIteration:
    print("end")
