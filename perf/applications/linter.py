"""A linter: pyflakes checks a module of the standard library."""

import io
import textwrap

from pyflakes import api, reporter


def main():
    out = io.StringIO()
    with open(textwrap.__file__) as file:
        api.check(file.read(), textwrap.__file__, reporter.Reporter(out, out))
    return len(out.getvalue())
