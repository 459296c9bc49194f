"""Exceptions through many frames, of many kinds of frames."""


def dive(n):
    if not n:
        raise ValueError("bottom")
    dive(n - 1)


def through_generator():
    for item in failing():
        print(item)


def failing():
    yield 1
    dive(2)


def through_c():
    return sorted([3, 1, 2], key=lambda x: dive(1))


class Through:
    def __getattr__(self, name):
        dive(1)

    @property
    def thing(self):
        return dive(0)


def through_comprehension():
    return [dive(x) for x in (1, 2)]


for function in (lambda: dive(6), through_generator, through_c, lambda: Through().missing, lambda: Through().thing,
                 through_comprehension):
    try:
        function()
    except ValueError as error:
        print(error, error.__traceback__.tb_lineno)
