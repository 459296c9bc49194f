"""Asynchronous generators and comprehensions, closed early as well."""
import asyncio


async def ticks(n):
    try:
        for i in range(n):
            await asyncio.sleep(0)
            yield i
    finally:
        await asyncio.sleep(0)
        print("ticks ended")


class Countdown:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.n:
            raise StopAsyncIteration
        self.n -= 1
        return self.n


async def main():
    async for i in ticks(2):
        print(i)
    else:
        print("else")
    print([i async for i in Countdown(3)], {i: j async for i in ticks(1) for j in "ab"})
    g = ticks(5)
    print(await g.__anext__(), await g.asend(None))
    await g.aclose()
    t = ticks(3)
    await t.__anext__()
    try:
        await t.athrow(ValueError("thrown"))
    except ValueError as error:
        print(error)
    print([x async for x in (y async for y in ticks(2)) if x])


asyncio.run(main())
