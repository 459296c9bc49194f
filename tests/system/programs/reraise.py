"""Bare raise, from handlers, from functions that handlers call, after other exceptions."""


def again():
    try:
        raise KeyError("first")
    except KeyError:
        raise


def helper():
    raise


def from_helper():
    try:
        raise ValueError("second")
    except ValueError:
        helper()


def after_other():
    try:
        raise ValueError("outer")
    except ValueError:
        try:
            raise KeyError("inner")
        except KeyError:
            pass
        raise


def by_name():
    try:
        raise OSError("named")
    except OSError as error:
        raise error


def nothing():
    raise


for function in (again, from_helper, after_other, by_name, nothing):
    try:
        function()
    except Exception as error:
        print(type(error).__name__, error)
