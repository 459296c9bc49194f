"""A real application from Debian's packages: pygments highlights a module of the standard library as HTML.

The import is not measured: Debian compiles pygments for one Python only, and from sources the import takes longer than the rest.
"""

import sys
import textwrap

sys.path.append("/usr/lib/python3/dist-packages")  # of python3-pygments, pure Python, which any version can use

import pygments  # noqa: E402
from pygments.formatters import HtmlFormatter  # noqa: E402
from pygments.lexers import PythonLexer  # noqa: E402


def main():
    with open(textwrap.__file__) as file:
        text = file.read()
    return len(pygments.highlight(text, PythonLexer(), HtmlFormatter(full=True)))
