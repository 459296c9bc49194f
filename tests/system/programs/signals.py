"""Handlers of signals: they run between the instructions of others, may raise, and may be generators' guests."""
import signal

seen = []


def handler(number, frame):
    seen.append((number, frame.f_code.co_name))


def raising(number, frame):
    raise InterruptedError(number)


def works():
    total = 0
    for i in range(3):
        signal.raise_signal(signal.SIGUSR1)
        total += i
    return total


def generator():
    yield 1
    signal.raise_signal(signal.SIGUSR1)
    yield 2


def interrupted():
    signal.signal(signal.SIGUSR2, raising)
    try:
        signal.raise_signal(signal.SIGUSR2)
    except InterruptedError as error:
        return error.args
    finally:
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)


signal.signal(signal.SIGUSR1, handler)
print(works(), list(generator()), interrupted(), [name for _, name in seen])
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
