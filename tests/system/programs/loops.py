"""Loops with else, break, continue; while; nested; jumps back to the same line."""


def search(rows, wanted):
    for row in rows:
        for cell in row:
            if cell == wanted:
                break
        else:
            continue
        break
    else:
        return None
    return row


def halve(n):
    steps = 0
    while n > 1:
        n //= 2
        steps += 1
        if steps > 50:
            break
    else:
        steps += 100
    return steps


def tight(n):
    for i in range(n): pass
    while n: n -= 1
    return i


def skip():
    out = []
    for i in range(6):
        if i % 2: continue
        out.append(i)
    return out


def endless():
    n = 0
    while True:
        n += 1
        if n == 3:
            return n


print(search([[1, 2], [3, 4]], 3), search([], 1), halve(100), tight(4), skip(), endless())
