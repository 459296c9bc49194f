"""Subclasses of builtins, with attributes of their own."""


class List(list):
    pass


class Dict(dict):
    pass


class Str(str):
    pass


class Int(int):
    pass


class Float(float):
    pass


class Tuple(tuple):
    pass


class Set(set):
    pass


class Bytes(bytes):
    pass


class Slim(list):
    __slots__ = ("only",)


def use():
    a = List([1, 2])
    a.append(3)
    a.name = "named"
    a[0] = a.name
    a.name = "again"
    del a.name
    d = Dict(x=1)
    d["y"] = 2
    d.tag = [1]
    del d["x"]
    s = Str("text")
    s.more = 1
    i = Int(7)
    i.unit = "cm"
    i.unit = "m"
    j = Int(2 ** 70)
    f = Float(2.5)
    t = Tuple((1, [2]))
    t[1].append(3)
    t.x = 1
    e = Set([1])
    e.add(2)
    b = Bytes(b"ab")
    n = Slim([1])
    n.only = 2
    n.append(n.only)
    held = [a, i, Str("in a list")]
    return held


use()
