"""Small and with a little of everything: what a store holds of it must stay readable."""
import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import os
import subprocess
import sys
import threading


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Order:
    name: str
    total: float
    lines: list


class Slots:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = 1
        self.b = [1, 2, {"c": (3, 4)}]


def numbers(limit):
    got = yield 0
    for n in range(limit):
        got = yield n * (got or 1)
    return "done"


def values():
    order = Order("Ümläut \U0001f33b", -0.0, [1, 2.5, None, True])
    order.lines.append(b"\x00\xff")
    order.total += 10 ** 20
    many = list(range(100))
    text = "x" * 300
    big = 2 ** 80
    odd = [float("inf"), complex(1, -2), "\ud800", range(3), slice(1, 2), Colour.RED, decimal.Decimal("1.50"),
           datetime.date(2026, 11, 24), collections.deque([1], 3), collections.Counter("aab"), frozenset({7})]
    loop = {"self": None}
    loop["self"] = loop
    slots = Slots()
    slots.b[2]["c"] = 5
    del slots.a
    password = "not to be kept"
    return order, many, text, big, odd, loop, slots, password


def worker(number):
    try:
        if number == 1:
            raise KeyError("worker", number)
        return {number: "fine"}
    except KeyError as error:
        error.add_note("swallowed") if hasattr(error, "add_note") else None
        return None
    finally:
        number += 1


async def late(n):
    await asyncio.sleep(0)
    return n * 2


async def gather():
    return await asyncio.gather(late(1), late(2))


def main():
    values()
    made = numbers(3)
    next(made)
    made.send(5)
    made.close()
    threads = [threading.Thread(target=worker, args=(n,), name=f"worker {n}") for n in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
    asyncio.run(gather())
    exec(compile("made_here = 1\n", "<made>", "exec"), {})
    if len(sys.argv) > 1:
        subprocess.run([sys.executable, "-c", "def child(): return os.getpid() > 0\nimport os\nchild()"], check=True)
    print("through", flush=True)


main()
if len(sys.argv) > 1:
    sys.exit(3)
