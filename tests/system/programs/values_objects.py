"""Attributes of self: in dicts, in slots, in both; changed by methods, callees and through other names."""
import dataclasses
import enum
from collections import namedtuple


class Plain:
    level = "of the class"

    def __init__(self, x):
        self.x = x
        self.items = []

    def change(self, x):
        self.x = x
        self.items.append(x)
        self.new = len(self.items)
        x = self.x + 1
        return self

    def forget(self):
        del self.new
        self.__dict__["direct"] = 1
        self.__dict__.pop("direct")
        self.level = "own"


class Slotted:
    __slots__ = ("a", "b", "__private")

    def __init__(self):
        self.a = 1
        self.__private = "p"

    def change(self):
        self.b = self.a
        self.a += 1
        del self.b
        self.a = self.a


class Both(Slotted):
    def __init__(self):
        super().__init__()
        self.extra = [1]


class Many:
    def __init__(self, n):
        for i in range(n):
            setattr(self, "attribute%d" % i, i)


@dataclasses.dataclass
class Item:
    name: str
    tags: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Small:
    x: int = 1


Point = namedtuple("Point", "x y")


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


class Bits(enum.IntFlag):
    A = 1
    B = 2


def outside(thing):
    thing.x = "outside"
    setattr(thing, "y", (1, 2))
    thing.__dict__.clear()


def use():
    p = Plain(1)
    q = p
    p.change(5).change(6)
    q.x = 300
    q.x = q.x + 1; q.x = q.x + 1
    p.forget()
    outside(p)
    s = Slotted()
    s.change()
    b = Both()
    b.change()
    b.extra.append(2)
    empty = object()
    i = Item("n")
    i.tags.append("t")
    i.name += "m"
    small = Small()
    small.x += 1
    point = Point(1, [2])
    point.y.append(3)
    color = Color.RED
    color = Color.BLUE
    bits = Bits.A
    held = [color, Point, Plain.change, p.change, len]
    return b


def many():
    m = Many(64)
    m = Many(65)
    m.attribute63 = "changed"
    m.attribute64 = "unseen"
    del m.attribute0
    return m


use()
many()
