"""Four threads, each counting and calling."""

import threading


def step(total, n):
    total += n & 7
    return total


def work(n, results):
    total = 0
    for i in range(n):
        total = step(total, i)
    results.append(total)


def main():
    results = []
    threads = [threading.Thread(target=work, args=(150_000, results)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
