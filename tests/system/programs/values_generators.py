"""Variables of generators and coroutines between their resumptions."""


def running():
    total = 0
    seen = []
    while True:
        n = yield total
        if n is None:
            break
        total += n
        seen.append(n)
    return seen


def changed_outside(shared):
    count = 0
    for item in shared:
        count += 1
        yield count
    yield shared


def deep(n):
    if n:
        x = [n]
        got = yield from deep(n - 1)
        x.append(got)
        return x
    yield n
    return "bottom"


def raising():
    kept = [1]
    try:
        yield kept
    except KeyError as error:
        kept.append(error)
        note = error
    yield kept


async def coroutine(x):
    y = await Waits(x)
    return [x, y]


class Waits:
    def __init__(self, x):
        self.x = x

    def __await__(self):
        got = yield self.x
        self.x = got
        return got


r = running()
next(r)
for i in (1, 1000, 3):
    r.send(i)
try:
    r.send(None)
except StopIteration as stop:
    result = stop.value
shared = [1]
for n in changed_outside(shared):
    if len(shared) < 4:
        shared.append(n)
list(deep(3))
g = raising()
next(g).append("outside")
g.throw(KeyError("k"))
g.close()
c = coroutine("in")
c.send(None)
try:
    c.send("out")
except StopIteration:
    pass
