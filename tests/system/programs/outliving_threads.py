"""Threads that go on after the main thread has ended, and what they start then."""
import threading

order = []
first_done = threading.Lock()  # an Event shows who waits for it, and how soon that is, nobody knows
first_done.acquire()


def late(n):
    total = 0
    for i in range(n):
        total += i
    order.append(total)
    return total


def first():
    threading.main_thread().join()
    late(3)
    first_done.release()


def second():
    first_done.acquire()
    try:
        {}["missing"]
    except KeyError as error:
        order.append(error.args)
    print(order, threading.main_thread().is_alive())


for function in (first, second):
    threading.Thread(target=function, name=function.__name__).start()
order.append("main ends")
