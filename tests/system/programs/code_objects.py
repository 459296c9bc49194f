"""Code objects handled by the program: swapped, copied, made into functions, run by themselves."""
import types


def one(x):
    y = x + 1
    return y


def two(x):
    for i in range(2):
        x *= 3
    return x


def outer(n):
    def inner():
        nonlocal n
        n += 1
        return n
    return inner


print(one(1), two(1))
one.__code__, two.__code__ = two.__code__, one.__code__
print(one(1), two(1))
copy = types.FunctionType(one.__code__.replace(co_name="copy"), globals(), "copy")
print(copy(2))
inner = outer(1)
again = types.FunctionType(inner.__code__, globals(), "again", None, inner.__closure__)
print(inner(), again(), inner())
exec(compile("one(5)", __file__, "exec"))
method = types.MethodType(two, 7)
print(method(), eval(compile("two(2) + 1", __file__, "eval")))
generator = types.FunctionType(compile("def g(n):\n    yield n\n", __file__, "exec").co_consts[0], {})
print(list(generator(4)))
