"""Decorators: plain, with arguments, stacked, on classes and methods, functools.wraps."""
import functools


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        result = function(*args, **kwargs)
        return result
    return wrapper


def times(n):
    def decorate(function):
        def repeated(*args):
            for _ in range(n):
                result = function(*args)
            return result
        return repeated
    return decorate


def tagged(cls):
    cls.tag = cls.__name__.lower()
    return cls


@logged
@times(
    2
)
def greet(name):
    return "hello " + name


@tagged
class Thing:
    @logged
    def act(self):
        return self.tag

    @functools.lru_cache(maxsize=None)
    def cached(self, n):
        return n * 2


print(greet("you"), Thing().act(), Thing().cached(2), greet.__name__)
