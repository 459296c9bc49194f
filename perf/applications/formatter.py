"""A formatter: black parses a module of the standard library and writes it formatted."""

import sched

import black


def main():
    with open(sched.__file__) as file:
        text = file.read()
    return len(black.format_str(text.replace(", ", ",  "), mode=black.Mode(line_length=60)))
