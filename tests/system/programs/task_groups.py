"""asyncio's newer forms: task groups, queues, shields, callbacks, tasks cancelled in clean-up."""
import asyncio
import contextlib


async def work(n):
    for _ in range(n):
        await asyncio.sleep(0)
    if n == 2:
        raise ValueError(n)
    return n


async def group():
    try:
        async with asyncio.TaskGroup() as tasks:
            made = [tasks.create_task(work(i), name="work %d" % i) for i in range(4)]
    except* ValueError as error:
        print(len(error.exceptions), [t.cancelled() for t in made])


async def produce(queue):
    for i in range(3):
        await queue.put(i)
    await queue.put(None)


async def consume(queue):
    total = 0
    while (item := await queue.get()) is not None:
        total += item
    return total


@contextlib.asynccontextmanager
async def opened(name):
    await asyncio.sleep(0)
    try:
        yield name
    finally:
        await asyncio.sleep(0)
        print("closed", name)


async def held():
    async with opened("held"):
        await asyncio.Event().wait()


async def ended_early():
    task = asyncio.create_task(held())
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel("enough")
    try:
        await task
    except asyncio.CancelledError as error:
        print("ended", error.args)


async def main():
    await group()
    queue = asyncio.Queue(1)
    print((await asyncio.gather(produce(queue), consume(queue)))[1])
    await asyncio.create_task(ended_early())
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(opened("one"))
        stack.push_async_callback(work, 1)
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda f: print("called back", f.result()))
    asyncio.get_running_loop().call_soon(future.set_result, 5)
    print(await future)
    inner = asyncio.ensure_future(work(3))
    outer = asyncio.ensure_future(asyncio.shield(inner))
    await asyncio.sleep(0)
    outer.cancel()
    try:
        await outer
    except asyncio.CancelledError:
        print("outer", await inner)


asyncio.run(main())
