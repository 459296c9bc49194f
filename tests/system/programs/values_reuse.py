"""New values at the address of a freed one: sometimes the type is the same, too, but the value differs.

Every function rebinds its variable twice on one line, or lets go of it in between, so that the interpreter uses the memory again.
"""

import pathlib
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from uuid import UUID


class Plain:
    pass


class Other:
    pass


class Listed(list):
    pass


class OtherListed(list):
    pass


class Bound:
    def first(self):
        return 1

    def second(self):
        return 2


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Color(Enum):
    RED = 1
    BLUE = 2


def grows(x, step):
    x = x + step; x = x + step
    x = x + step; x = x + step; x = x + step; x = x + step
    return x


def again(make, one, other):
    x = make(one)
    x = None; x = make(other)
    x = None; x = make(one)
    return x


def in_list(make, one, other):
    items = [make(one)]
    items.clear(); items.append(make(other))
    items.clear(); items.append(make(one))
    return items


def in_dict(make, one, other):
    table = {"key": make(one)}
    table["key"] = None; table["key"] = make(other)
    return table


def in_object(make, one, other):
    holder = Slotted(make(one))
    holder.value = None; holder.value = make(other)
    return holder.value


def of_another_type(one, other):
    x = one()
    x = None; x = other()
    x = None; x = one()
    return x


def iterators():
    it = iter([1])
    it = None; it = iter((1,))
    it = None; it = iter([1])
    return type(it)


def as_argument(x):
    return x


def main():
    for x, step in ((Decimal(5), Decimal("0.1")), (Decimal(10) ** 90, Decimal(10) ** 88), (date(2020, 1, 1), timedelta(1)),
                    (datetime(2020, 1, 1), timedelta(seconds=1)), (datetime(2020, 1, 1, tzinfo=timezone.utc), timedelta(1)),
                    (timedelta(5), timedelta(microseconds=1)), (Fraction(1, 3), 1), (10 ** 30, 1), (1j, 1), (b"x", b"y"), ((), (1,))):
        grows(x, step)
    bound = Bound()
    makers = (
        (range, 1000, 2000),
        (lambda n: range(n, 10 ** 20 + n), 3, 4),
        (lambda n: slice(n, 7), 300, 400),
        (lambda n: time(1, n), 2, 3),
        (lambda n: time(1, 2, tzinfo=timezone(timedelta(minutes=n))), 20, 30),
        (lambda n: datetime(1, 1, 1, tzinfo=timezone(timedelta(seconds=n))), -30, -3601),
        (lambda n: datetime(1, 1, 1, 1, tzinfo=timezone(timedelta(microseconds=n), "name")), -30, 30000001),
        (lambda n: time(1, tzinfo=timezone(timedelta(hours=23, minutes=59, seconds=n))), 59, 1),
        (lambda n: time(1, tzinfo=timezone(timedelta(hours=-23, minutes=-59, seconds=-n))), 59, 1),
        (lambda n: timezone(timedelta(hours=n)), 1, 2),
        (lambda n: timezone(timedelta(hours=1), n), "here", "there"),
        (lambda n: Decimal(n), "1.5", "-1.5"),
        (lambda n: Decimal(n), "1.0", "1.00"),
        (lambda n: Decimal(n), "NaN", "Infinity"),
        (lambda n: Decimal(n), "9" * 90, "8" * 90),
        (lambda n: UUID(int=n), 12, 13),
        (pathlib.PurePosixPath, "a/b", "a/c"),
        (lambda n: getattr(bound, n), "first", "second"),
        (lambda n: getattr([], n), "append", "extend"),
        (lambda n: eval("lambda: " + n), "1", "2"),
        (lambda n: eval("lambda x: (lambda: x)")(n), 1, 2),
        (Fraction, 1, 2),
        (frozenset, (1,), (2,)),
        (bytearray, b"one", b"two"),
        (Slotted, 1, 2),
    )
    for make, one, other in makers:
        again(make, one, other)
        in_list(make, one, other)
        in_dict(make, one, other)
        in_object(make, one, other)
    for one, other in ((Plain, Other), (Listed, OtherListed), (Bound, Plain)):
        of_another_type(one, other)
    iterators()
    hashed = Decimal("2.5")
    hash(hashed); as_argument(hashed)
    for color in Color:
        as_argument(color)


main()
