"""with: nested, several managers, suppression, failures while entering and leaving."""
import contextlib


class Manager:
    def __init__(self, name, swallow=False, broken=None):
        self.name = name
        self.swallow = swallow
        self.broken = broken

    def __enter__(self):
        if self.broken == "enter":
            raise OSError("enter")
        return self.name

    def __exit__(self, kind, value, trace):
        if self.broken == "exit":
            raise OSError("exit")
        return self.swallow


@contextlib.contextmanager
def made(name):
    print("in", name)
    try:
        yield name
    except KeyError:
        print("key")
    finally:
        print("out", name)


def several():
    with Manager("a") as a, Manager("b") as b:
        return a + b


def parenthesised():
    with (
        Manager("c") as c,
        made("d") as d,
    ):
        print(c, d)


with Manager("x", swallow=True):
    raise ValueError("swallowed")
for broken in ("enter", "exit"):
    try:
        with Manager("y", broken=broken):
            pass
    except OSError as error:
        print(error)
print(several())
parenthesised()
with made("k"):
    raise KeyError("k")
with contextlib.suppress(ZeroDivisionError):
    1 / 0
for i in range(3):
    with Manager(i):
        if i == 1:
            continue
        if i == 2:
            break
