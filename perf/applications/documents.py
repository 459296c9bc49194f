"""A documentation builder: docutils turns a reStructuredText with lists, a table and links into HTML."""

from docutils.core import publish_string

PART = """
Part {0}
========

A paragraph with *emphasis*, ``literals`` and a link_{0} to `Part {0}`_.

1. first of {0}
2. second

   * nested
   * list

===== =====
name  value
===== =====
a     {0}
b     2
===== =====

.. note:: Take care of {0}.

.. _link_{0}: https://example.org/{0}
"""


def main():
    text = "Title\n#####\n" + "".join(PART.format(number) for number in range(8))
    settings = {"report_level": 5, "embed_stylesheet": False, "datestamp": None, "_disable_config": True}
    return len(publish_string(text, writer_name="html", settings_overrides=settings))
