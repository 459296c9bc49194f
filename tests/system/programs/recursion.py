"""Functions that call themselves and each other."""


def factorial(n):
    if n < 2:
        return 1
    return n * factorial(n - 1)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def hanoi(n, a, b, c):
    if n:
        yield from hanoi(n - 1, a, c, b)
        yield a, c
        yield from hanoi(n - 1, b, a, c)


print(factorial(10), even(7), list(hanoi(3, "a", "b", "c")))
