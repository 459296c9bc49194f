"""Calls: a recursive function and nothing else."""


def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def main():
    fib(26)
