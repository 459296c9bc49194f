"""A text converter: Python-Markdown turns a page with tables, code and footnotes into HTML."""

import markdown

PART = """
## Part {0}

Some *text* with `code`, a [link](https://example.org/{0} "title") and a footnote[^{0}].

| name | value |
|------|-------|
| a    | {0}   |

```
x = {0}
```

> quoted
> * item one
> * item **two**

[^{0}]: The note of {0}.
"""


def main():
    text = "# Title\n" + "".join(PART.format(number) for number in range(12))
    return len(markdown.markdown(text, extensions=["tables", "fenced_code", "footnotes", "toc"]))
