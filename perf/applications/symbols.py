"""A symbolic library: SymPy differentiates, expands, factors and solves; its cache is cleared each time."""

import sympy
from sympy.core.cache import clear_cache


def main():
    clear_cache()
    x, y = sympy.symbols("x y")
    expression = (x + y) ** 5 * sympy.sin(x * y) + sympy.exp(x) / (1 + x**2)
    slope = sympy.diff(expression, x)
    expanded = sympy.expand((x + 2 * y - 1) ** 6)
    return len(str(slope)) + len(str(sympy.factor(expanded))) + len(sympy.solve(x**3 - 2 * x + 1, x))
