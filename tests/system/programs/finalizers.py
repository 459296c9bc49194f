"""__del__, weak references, cycles collected on request, code at exit."""
import atexit
import gc
import weakref


class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("gone", self.name)


def scope():
    a = Noisy("local")
    b = Noisy("rebound")
    b = None
    return 1


def fails():
    n = Noisy("during an exception")
    raise ValueError("x")


def cycle():
    a, b = Noisy("a"), Noisy("b")
    a.other, b.other = b, a


def called(reference):
    print("weak")


scope()
try:
    fails()
except ValueError:
    pass
cycle()
gc.collect()
n = Noisy("watched")
w = weakref.ref(n, called)
del n


@atexit.register
def goodbye():
    print("bye")


Noisy("at once")
