"""A formatter: black takes a module of the standard library apart and writes it again."""

import sched

import black


def main():
    with open(sched.__file__) as file:
        text = file.read()
    return len(black.format_str(text.replace(", ", ",  "), mode=black.Mode(line_length=60)))
