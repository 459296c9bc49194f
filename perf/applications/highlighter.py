"""A highlighter: pygments writes a module of the standard library as HTML."""

import textwrap

import pygments
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer


def main():
    with open(textwrap.__file__) as file:
        text = file.read()
    return len(pygments.highlight(text, PythonLexer(), HtmlFormatter(full=True)))
