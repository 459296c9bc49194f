"""Numbers whose addresses are used again, of every size and kind."""


def same_line(x):
    x = x + 1; x = x + 1
    x = x + 1000; x = x - 1000
    y = x * 1.0; y = y + 1.0
    return x, y


def loop(n):
    big = 10 ** 6
    real = 0.5
    for i in range(n):
        big = big + i
        real = real + 1.0
        other = big * 2
        other = other + 1
    return big, real


def sizes():
    a = 2 ** 53 - 1
    a = a + 1
    b = -(2 ** 53) + 1
    b = b - 1
    c = 2 ** 63
    d = -2 ** 63
    e = 2 ** 64 + 1
    f = 10 ** 255
    f = f * 10
    f = -f
    g = 7 ** 2000
    return a


def floats():
    nan = float("nan")
    inf = float("inf")
    low = -inf
    zero = 0.0
    zero = -zero
    zero = 0
    zero = 0.0
    tiny = 5e-324
    large = 1.7976931348623157e308
    third = 1 / 3
    whole = 1e16
    whole = 1e22
    c = complex(0.0, -0.0)
    c = complex(nan, inf)
    c = 1j * 2
    t = True
    t = 1
    t = 1.0
    return third


print(same_line(300), same_line(5), loop(5), sizes() > 0, floats())
x = 1000; x = x + 1; x = x + 1
x = x + 1
x += 1
