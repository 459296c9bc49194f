"""raise ... from, causes and contexts, notes, exceptions with state."""


class Own(Exception):
    def __init__(self, code, *rest):
        super().__init__(code, *rest)
        self.code = code


def low():
    raise KeyError("low")


def middle():
    try:
        low()
    except KeyError as error:
        raise Own(7, "text") from error


def silent():
    try:
        low()
    except KeyError:
        raise Own(8) from None


for function in (middle, silent):
    try:
        function()
    except Own as error:
        error.add_note("a note")
        print(error.code, error.__cause__, error.__suppress_context__, error.__notes__)
try:
    raise Own
except TypeError as error:
    print("needs a code")
try:
    raise ValueError("a") from ValueError("b")
except ValueError as error:
    print(error.__cause__)
