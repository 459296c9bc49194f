"""Closures, nonlocal, global, class bodies, del, names that are unbound for a while."""

counter = 0
listed = []


def bump():
    global counter, made
    counter += 1
    made = counter * 1000
    if counter > 2:
        del made
    listed.append(counter)
    return counter


def outer(start):
    total = start
    log = []

    def add(n):
        nonlocal total
        total += n
        log.append(total)
        return total

    def clear():
        nonlocal total
        del total

    add(5)
    add(6)
    total = total + 1
    shown = total
    add(1)
    log.append("end")
    clear()
    try:
        total
    except NameError as error:
        total = "again"
    return add(" and again")


def deletes(flag):
    if flag:
        x = [1]
        y = x
        del x
        x = y
        del x, y
    for z in range(2):
        w = z
        del w
    try:
        x
    except UnboundLocalError:
        x = 5
    with open("/dev/null") as f:
        pass
    del f
    return x


def comprehension(n):
    k = 2
    a = [i * k for i in range(n)]
    b = {i: [j for j in range(i)] for i in a}
    c = [lambda n=i: n for i in range(2)]
    return sum(k for k in a)


class Body:
    x = 1
    y = [x]
    y.append(2)
    x = x + 1; x = x + 1
    for i in range(2):
        y.append(i)
    del i

    def method(self, y=y):
        return __class__

    z = list(y)
    del x


def arguments(a, b=[1], *rest, c, d=None, **words):
    a += 1
    b = b + [a]
    rest = rest + (b,)
    words["new"] = rest
    return words


for n in range(3):
    bump()
outer(1)
deletes(True)
deletes(False)
comprehension(3)
Body().method()
arguments(1, [2], 3, c=4, e=5)
arguments(1, c=2)
made = 1
del made
made = 2
counter = counter + 1000; counter = counter + 1
