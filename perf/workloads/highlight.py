"""A real application from Debian's packages: pygments highlights a module of the standard library as HTML."""

import sys

PACKAGES = "/usr/lib/python3/dist-packages"  # of python3-pygments; nothing but Python in it, so any version can use it


def main():
    sys.path.append(PACKAGES)
    import textwrap

    import pygments
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    with open(textwrap.__file__) as file:
        text = file.read()
    return len(pygments.highlight(text, PythonLexer(), HtmlFormatter(full=True)))
