"""Lines: one loop over small integers."""


def loop(n):
    total = 0
    odd = 0
    for i in range(n):
        total += i
        if total & 1:
            odd += 1
        if total > 1_000_000:
            total = 0
    return total, odd


def main():
    loop(1_500_000)
