"""Functions called at exit: their order, one that registers another, one taken back, one left by SystemExit of its own."""
import atexit


def say(*words, **more):
    print(*words, more)


def generator():
    try:
        yield 1
    finally:
        print("closed at exit")


def never():
    print("never")


@atexit.register
def last():
    for _ in generator():
        pass


def registers():
    atexit.register(say, "registered at exit")
    unfinished = generator()
    next(unfinished)


class Holder:
    def method(self):
        self.seen = True


atexit.register(Holder().method)
atexit.register(say, "one", two=2)
atexit.register(registers)
atexit.register(never)
atexit.register(lambda: say("first of all"))
atexit.unregister(never)
print("main ends")
