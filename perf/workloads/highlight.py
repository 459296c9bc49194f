"""A real application from Debian's packages: pygments highlights a module of the standard library as HTML.

It is imported before the time begins: from sources, because Debian compiles it for one Python only, that takes longer than the rest.
"""

import sys
import textwrap

sys.path.append("/usr/lib/python3/dist-packages")  # of python3-pygments; nothing but Python in it, so any version can use it

import pygments  # noqa: E402
from pygments.formatters import HtmlFormatter  # noqa: E402
from pygments.lexers import PythonLexer  # noqa: E402


def main():
    with open(textwrap.__file__) as file:
        text = file.read()
    return len(pygments.highlight(text, PythonLexer(), HtmlFormatter(full=True)))
