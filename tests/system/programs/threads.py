"""Threads with work of their own; they take turns so that what each does is certain."""
import threading

lock = threading.Lock()
results = {}


def work(name, n):
    total = 0
    for i in range(n):
        total += i
        if i == 2:
            try:
                raise ValueError(name)
            except ValueError as error:
                total += len(error.args)
    with lock:
        results[name] = total


class Own(threading.Thread):
    def run(self):
        work(self.name, 4)


def numbers():
    for i in range(4):
        yield i


shared = numbers()


def take():
    results[threading.current_thread().name] = next(shared)


first = [threading.Thread(target=work, args=("w%d" % i, 3 + i), name="worker %d" % i) for i in range(3)]
first.append(Own(name="own"))
for thread in first:
    thread.start()
for thread in first:
    thread.join()
for i in range(3):
    thread = threading.Thread(target=take, name="taker %d" % i)
    thread.start()
    thread.join()
print(sorted(results.items()), next(shared))
del shared
