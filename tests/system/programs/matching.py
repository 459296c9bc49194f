"""match statements: every kind of pattern."""
from collections import namedtuple

Point = namedtuple("Point", "x y")


class Circle:
    __match_args__ = ("radius",)

    def __init__(self, radius):
        self.radius = radius


def look(thing):
    match thing:
        case None | True | False:
            return "constant"
        case 0:
            return "zero"
        case int(n) if n > 100:
            return "big"
        case int() | float():
            return "number"
        case "a" | "b" as letter:
            return letter
        case [x]:
            return "one", x
        case [x, *rest]:
            return "many", len(rest)
        case {"kind": kind, **others}:
            return kind, sorted(others)
        case Point(x=0, y=y):
            return "on the axis"
        case Circle(r):
            return "circle", r
        case _:
            return "other"


for thing in (None, 0, 500, 1.5, "b", [1], (1, 2, 3), {"kind": "k", "z": 1}, Point(0, 1), Circle(2), object, {}):
    print(look(thing))
