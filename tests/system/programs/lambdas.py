"""Lambdas on one line, over lines, as defaults and keys."""

double = lambda x: x * 2
choose = lambda flag: (
    double(1)
    if flag
    else double(2)
)
words = sorted(["bbb", "a", "cc"], key=lambda w: len(w))
functions = [lambda x, n=n: x + n for n in range(3)]
nested = lambda a: lambda b: a + b
print(double(4), choose(True), choose(False), words, [f(1) for f in functions], nested(1)(2))
print(list(map(lambda x: x + 1, filter(lambda x: x % 2, range(5)))), (lambda *a, **k: (a, k))(1, b=2))
