"""send, throw and close in every state of a generator."""


def echo():
    value = None
    while True:
        try:
            value = yield value
        except ValueError as error:
            value = "error " + str(error)
        except GeneratorExit:
            print("closed")
            raise


def stubborn():
    try:
        yield 1
    except GeneratorExit:
        yield 2


def cleaned():
    try:
        yield 1
    finally:
        print("cleaned")


def fails():
    yield 1
    raise LookupError("inside")


e = echo()
print(e.send(None), e.send(1), e.throw(ValueError("v")), e.send(2))
e.close()
s = stubborn()
next(s)
try:
    s.close()
except RuntimeError as error:
    print(error)
c = cleaned()
next(c)
c.close()
c.close()
fresh = cleaned()
fresh.close()
thrown = cleaned()
try:
    thrown.throw(KeyError("never began"))
except KeyError as error:
    print(error)
f = fails()
next(f)
try:
    next(f)
except LookupError as error:
    print(error)
print(list(f))
del s, e, c, f, fresh, thrown
