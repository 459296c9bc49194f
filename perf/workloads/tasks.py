"""asyncio: ten thousand tasks that wait for one another in turn."""

import asyncio


async def worker(number, gate, results):
    async with gate:
        await asyncio.sleep(0)
        value = number * 2
        await asyncio.sleep(0)
    results.append(value)


async def run():
    gate = asyncio.Semaphore(100)
    results = []
    await asyncio.gather(*(worker(n, gate, results) for n in range(10_000)))
    return len(results)


def main():
    return asyncio.run(run())
