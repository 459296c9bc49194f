"""Threads that the library makes: an executor's worker, a timer, thread-local values, a condition."""
import concurrent.futures
import threading

local = threading.local()
condition = threading.Condition()
ready = []


def work(n):
    local.count = getattr(local, "count", 0) + n
    if n == 2:
        raise ValueError(n)
    return local.count


def waits():
    with condition:
        while not ready:
            condition.wait()
        return ready.pop()


with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="pool", initializer=lambda: setattr(local, "count", 10)) as pool:
    futures = [pool.submit(work, n) for n in range(4)]
    print([f.exception() or f.result() for f in futures], list(pool.map(work, [5, 6])))

timer = threading.Timer(0, work, (7,))
timer.name = "timer"
timer.start()
timer.join()
thread = threading.Thread(target=lambda: ready.append(waits()), name="waits")
thread.start()
with condition:
    ready.append("told")
    condition.notify()
thread.join()
print(ready, hasattr(local, "count"))
