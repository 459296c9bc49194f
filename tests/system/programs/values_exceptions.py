"""Exceptions as values: arguments, causes, contexts, notes; variables of the frames they leave."""


class Own(Exception):
    def __init__(self, code, text="t"):
        super().__init__(code, text)
        self.code = code


def leaves(n):
    kept = [n]
    kept.append(n)
    if n:
        x = leaves(n - 1)
    local = {"n": kept}
    raise Own(n)


def caught():
    try:
        leaves(2)
    except Own as error:
        held = error
        kept = [error]
    try:
        try:
            {}["k"]
        except KeyError as error:
            raise ValueError("v", [1]) from error
    except ValueError as error:
        second = error
    try:
        try:
            1 / 0
        finally:
            raise LookupError
    except LookupError as error:
        third = error
    return held


def group():
    try:
        raise ExceptionGroup("g", [ValueError(1), Own(2)])
    except* Own as error:
        a = error.exceptions[0].code
    except* ValueError as error:
        b = error.exceptions[0].args
    return a, b


def plain():
    e = ValueError()
    f = KeyError("x" * 300)
    g = OSError(2, "No such file", "name")
    h = StopIteration([1])
    i = SystemExit(3)
    j = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")
    return e


caught()
group()
plain()
try:
    leaves(1)
except Own as error:
    kept = error
