"""Containers changed by their own functions, by callees, through other names, at the limits."""
import collections


def push(target, item):
    target.append(item)


def lists():
    a = [1]
    b = a
    push(a, 2)
    b.append(3)
    x = a
    a[0] = "first"
    a.insert(0, None)
    a.reverse()
    del a[1]
    a.extend(range(4))
    a.sort(key=str)
    a[1:3] = []
    a.pop()
    a.pop(0)
    a[:] = [9, 8, 7]
    a[0], a[2] = a[2], a[0]
    a *= 2
    a.clear()
    return a, b, x


def dicts():
    d = {}
    e = d
    d["a"] = 1
    d["b"] = [2]
    d["a"] = 5
    e["c"] = (3, 4)
    del d["a"]
    d["a"] = 6
    d.update(z=1, y=2)
    d.pop("b")
    d.setdefault("q", None)
    d.popitem()
    d[1] = d[2.5] = d[None] = d[(1, 2)] = True
    d[1] = False
    f = dict(d)
    d.clear()
    return e, f


def sets():
    s = {1}
    t = s
    s.add(2)
    s.discard(1)
    t |= {3, 4, 5}
    s.remove(4)
    s.clear()
    f = frozenset([1, (2,)])
    return s, f


def others():
    q = collections.deque([1, 2, 3], maxlen=3)
    q.append(4)
    q.appendleft(0)
    q.rotate(1)
    q[1] = "x"
    q.popleft()
    c = collections.Counter("abca")
    c["a"] += 1
    c["z"]
    del c["b"]
    d = collections.defaultdict(list)
    d["k"].append(1)
    d["m"]
    o = collections.OrderedDict(a=1, b=2)
    o.move_to_end("a")
    o["c"] = 3
    o.popitem(last=False)
    r = range(3, 9, 2)
    s = slice(1, None, 2)
    return q


def limits():
    a = list(range(63))
    a.append(63)
    a.append(64)
    a.append(65)
    a[64] = "unseen"
    a[63] = "last shown"
    a.pop()
    a.pop()
    a.pop()
    d = {i: i for i in range(64)}
    d[64] = 1
    d[63] = "changed"
    del d[0]
    s = set(range(64))
    s.add(64)
    t = tuple(range(65))
    q = collections.deque(range(64))
    q.append(64)
    q.popleft()
    return len(a)


def lengths():
    a = [1, 2, 3]
    b = ["x" * 256, "y" * 257]
    b[0] += "x"
    b[1] = "z" * 300
    c = {"k" * 257: 1}
    return a


def callee_changes():
    a = []
    d = {}
    for i in range(3):
        push(a, i)
        d.setdefault("l", []).append(i)
    push(a, a)
    return len(a)


print(lists(), dicts(), sets(), others(), limits(), lengths(), callee_changes())
