"""exec, eval and compile: other code that runs between the lines of this file."""

names = {}
exec("a = 1\nb = a + 1\ndef f(x):\n    return helper(x)\n", names)


def helper(x):
    return x * 10


names["helper"] = helper
print(eval("a + b", names), eval("f(4)", names), eval("helper(1) + helper(2)"))
code = compile("for i in range(2):\n    helper(i)\n", "<made>", "exec")
exec(code)
own = compile("helper(3)\nhelper(4)\n", __file__, "exec")
exec(own)


def local():
    x = 1
    exec("y = x + 1")
    return eval("x + 2")


print(local())
try:
    exec("1 / 0")
except ZeroDivisionError as error:
    print(error)
try:
    compile("1 +", "<bad>", "eval")
except SyntaxError as error:
    print(error.msg)
