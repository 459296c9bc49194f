"""Random nested values for walks.cc, and a change for each of their parts.

value(random) returns one. changes(value) lists (description, change, restore) for each part of the value.
"""

import collections
import datetime
import decimal
import enum
import fractions


class Plain:
    pass


class Slots:
    __slots__ = ("a", "b", "c")


class Int(int):
    pass


class List(list):
    pass


class Dict(dict):
    pass


class Bytes(bytearray):
    pass


class Color(enum.Enum):
    RED = 1
    BLUE = 2


Point = collections.namedtuple("Point", "x y")


def scalar(random):
    return random.choice(
        (
            lambda: None,
            lambda: random.random() < 0.5,
            lambda: random.randint(-5, 300),
            lambda: random.randint(-(2**70), 2**70),
            lambda: random.choice((0.0, -0.0, 1.5, float("inf"), random.random())),
            lambda: complex(random.randint(0, 3), 1),
            lambda: "".join(random.choice("abäß€\U0001f600") for _ in range(random.randint(0, 12))),
            lambda: bytes(random.randint(0, 255) for _ in range(random.randint(0, 12))),
            lambda: range(random.randint(0, 5)),
            lambda: datetime.date(2024, random.randint(1, 12), 5),
            lambda: datetime.timedelta(random.randint(0, 5), 7),
            lambda: decimal.Decimal(random.randint(0, 10**12)),
            lambda: fractions.Fraction(random.randint(0, 9), 7),
            lambda: random.choice(tuple(Color)),
            lambda: random.choice((len, print, Plain, Dict, scalar)),
        )
    )()


def key(random):
    return random.choice((random.randint(0, 99), "k%d" % random.randint(0, 99), (1, "t"), None, 2.5, Color.RED))


def with_names(thing, random, depth, known, names="pqr"):
    for name in names:
        if random.random() < 0.5:
            setattr(thing, name, value(random, depth + 1, known))
    return thing


def value(random, depth=0, known=None):
    """A random value. `known`: containers created before, for shared parts and cycles."""
    known = [] if known is None else known
    if depth >= 5 or random.random() < 0.15 * depth:
        return scalar(random)
    if known and random.random() < 0.1:
        return random.choice(known)

    def part():
        return value(random, depth + 1, known)

    count = random.randint(0, 5)
    kind = random.randint(0, 13)
    if kind == 0:
        made = []
        known.append(made)
        made.extend(part() for _ in range(count))
    elif kind == 1:
        made = tuple(part() for _ in range(count))
    elif kind == 2:
        made = {}
        known.append(made)
        made.update((key(random), part()) for _ in range(count))
    elif kind == 3:
        made = {key(random) for _ in range(count)}
    elif kind == 4:
        made = frozenset(key(random) for _ in range(count))
    elif kind == 5:
        made = collections.deque(part() for _ in range(count))
    elif kind == 6:
        made = collections.defaultdict(int, ((key(random), part()) for _ in range(count)))
    elif kind == 7:
        made = collections.OrderedDict((key(random), part()) for _ in range(count))
    elif kind == 8:
        made = Plain()
        known.append(made)
        with_names(made, random, depth, known)
    elif kind == 9:
        made = with_names(Slots(), random, depth, known, "abc")
    elif kind == 10:
        made = with_names(Int(random.randint(0, 9)), random, depth, known)
    elif kind == 11:
        made = with_names(List(part() for _ in range(count)), random, depth, known)
    elif kind == 12:
        made = random.choice((bytearray, Bytes))(b"ab" * count)
    else:
        made = Point(part(), part())
    return made


class New:
    """The replacement for a part. No random value has such a number."""

    number = 10**6

    def __new__(cls):
        cls.number += 1
        return cls.number


def item_change(what, container, at):
    old = container[at]

    def change():
        container[at] = New()

    def restore():
        container[at] = old

    return "%s[%r]" % (what, at), change, restore


def name_change(what, thing, name):
    old = getattr(thing, name)
    return (
        "%s.%s" % (what, name),
        lambda: setattr(thing, name, New()),
        lambda: setattr(thing, name, old),
    )


def names_of(thing):
    names = list(getattr(thing, "__dict__", ()))
    return names + [name for name in getattr(type(thing), "__slots__", ()) if hasattr(thing, name)]


def changes(root):
    found, seen, waiting = [], set(), [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, (type, enum.Enum)) or callable(thing):
            continue
        seen.add(id(thing))
        what = type(thing).__name__
        if isinstance(thing, (list, collections.deque)):
            found += [item_change(what, thing, i) for i in range(len(thing))]
            found.append((what + ".append", lambda t=thing: t.append(New()), lambda t=thing: t.pop()))
            waiting += thing
        elif isinstance(thing, tuple):
            waiting += thing
        elif isinstance(thing, dict):
            found += [item_change(what, thing, k) for k in thing]
            found.append(
                (what + " gets a key", lambda t=thing: t.__setitem__("new", New()), lambda t=thing: t.pop("new"))
            )
            waiting += thing.values()
        elif isinstance(thing, set):
            found.append((what + ".add", lambda t=thing: t.add("new"), lambda t=thing: t.discard("new")))
        elif isinstance(thing, bytearray):
            found.append((what + ".append", lambda t=thing: t.append(7), lambda t=thing: t.pop()))
            if thing:
                found.append(item_change_of_bytes(what, thing))
        if isinstance(thing, (Plain, Slots, Int, List, Bytes)):
            found += [name_change(what, thing, name) for name in names_of(thing)]
            waiting += [getattr(thing, name) for name in names_of(thing)]
    return found


def item_change_of_bytes(what, thing):
    old = thing[0]

    def change():
        thing[0] = old ^ 1

    def restore():
        thing[0] = old

    return what + "[0]", change, restore
