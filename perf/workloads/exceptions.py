"""Exceptions: raised, propagated through frames and handled, as in parsers and lookups."""


class Missing(LookupError):
    pass


def find(table, key):
    try:
        return table[key]
    except KeyError as error:
        raise Missing(key) from error


def walk(depth, table, key):
    if depth:
        return walk(depth - 1, table, key)
    return find(table, key)


def main():
    table = {n: n for n in range(0, 100, 2)}
    missing = 0
    for n in range(40_000):
        try:
            walk(3, table, n % 100)
        except Missing:
            missing += 1
    return missing
