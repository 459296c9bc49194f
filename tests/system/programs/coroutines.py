"""Coroutines under asyncio: tasks, gather, cancellation, time-outs, locks."""
import asyncio


async def add(a, b):
    await asyncio.sleep(0)
    return a + b


async def fails():
    await asyncio.sleep(0)
    raise ValueError("no")


async def waits():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        print("cancelled")
        raise


class Resource:
    async def __aenter__(self):
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, kind, value, trace):
        await asyncio.sleep(0)
        return kind is KeyError


async def main():
    print(await add(1, 2))
    print(await asyncio.gather(add(1, 1), add(2, 2), fails(), return_exceptions=True))
    task = asyncio.create_task(waits(), name="waiter")
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("gone")
    async with Resource() as resource:
        raise KeyError("swallowed")
    lock = asyncio.Lock()
    async with lock:
        print(type(resource).__name__, lock.locked())


asyncio.run(main())
