"""Special methods that operators call."""
import functools


@functools.total_ordering
class Money:
    def __init__(self, n):
        self.n = n

    def __add__(self, other):
        return Money(self.n + getattr(other, "n", other))

    __radd__ = __add__

    def __iadd__(self, other):
        self.n += other
        return self

    def __eq__(self, other):
        return self.n == other.n

    def __lt__(self, other):
        return self.n < other.n

    def __hash__(self):
        return hash(self.n)

    def __bool__(self):
        return self.n != 0

    def __repr__(self):
        return "Money(%d)" % self.n

    def __call__(self, x):
        return x * self.n

    def __contains__(self, x):
        return x == self.n

    def __getitem__(self, i):
        if i > 1:
            raise IndexError(i)
        return i

    def __len__(self):
        return 2

    def __format__(self, spec):
        return spec + str(self.n)


m = Money(2)
m += 3
print(m + 1, 1 + m, m == Money(5), m >= Money(2), bool(m), m(2), 5 in m, list(m), len(m), f"{m:x}", {m: 1})
print(sum([Money(1), Money(2)]), sorted([Money(3), Money(1)]), not m, m if m else None)
