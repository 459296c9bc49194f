"""Values of the library's own types."""
import datetime
import decimal
import fractions
import pathlib
import uuid


def use():
    day = datetime.date(2024, 2, 29)
    moment = datetime.datetime(2024, 2, 29, 1, 2, 3)
    moment = moment.replace(microsecond=45)
    hour = datetime.time(23, 59)
    hour = datetime.time(1, 2, 3, 4)
    span = datetime.timedelta(days=-1, seconds=5)
    span = span * 2
    zone = datetime.timezone.utc
    zone = datetime.timezone(datetime.timedelta(hours=2))
    d = decimal.Decimal("1.50")
    d = d + 1
    d = decimal.Decimal("-Infinity")
    f = fractions.Fraction(1, 3)
    f = f * 6
    u = uuid.UUID(int=5)
    p = pathlib.PurePosixPath("/a/b") / "c"
    q = pathlib.Path("relative")
    held = {"day": day, "d": [d, f], "p": p}
    held["u"] = u
    n = NotImplemented
    e = ...
    m = decimal
    c = decimal.Decimal
    k = ValueError
    b = len
    g = print
    return held


use()
