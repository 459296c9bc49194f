"""Nested, shared and cyclic structure."""


class Node:
    def __init__(self, name, below=None):
        self.name = name
        self.below = below


def nested():
    a = [[[[1]]]]
    a[0][0][0].append(2)
    b = {"a": {"b": {"c": {"d": 1}}}}
    b["a"]["b"]["c"] = 5
    c = (1, (2, (3, (4,))))
    d = [{"k": [1]}, {2}, (3, [4])]
    d[0]["k"].append(5)
    return a, b, c, d


def shared():
    x = [1]
    a = [x, x]
    b = {"one": x, "two": x}
    x.append(2)
    c = (a, b, x)
    return c


def cyclic():
    a = [1]
    a.append(a)
    d = {"a": a}
    d["self"] = d
    n = Node("n")
    n.below = n
    t = ([],)
    t[0].append(t)
    m = Node("m", Node("l", n))
    return len(a)


def chain(n):
    node = None
    for i in range(n):
        node = Node(i, node)
    return node


def wide():
    a = [[i] * 3 for i in range(10)]
    a[3][1] = "x"
    return a


nested()
shared()
cyclic()
chain(5)
wide()
top = {"list": [1, [2]]}
top["list"][1].append(3)
top["more"] = top
other = top
