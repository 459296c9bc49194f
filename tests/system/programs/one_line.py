"""Several statements on a line, statements over several lines, conditions, assignments of every kind."""

x = 1; x = x + 1; x = x + 1
if x: y = 2; z = 3
a = b = [x, y]
c, (d, *e), f = 1, (2, 3, 4), 5
total = (
    a[0]
    + b[1]
    + len(
        e
    )
)
text = f"{total} {x!r:>{c + 3}}" \
       " continued"
value = (x
         if x > 5 else
         y)
ok = 0 < x <= 3 != 4 and not (y is None or z in
                              (1, 2))
call = dict(
    a=1,
    b=max(
        2,
        3,
    ),
)
if (n := len(e)) > 1: print(n)
x += 1
a[0], a[1] = a[1], a[0]
assert x
try:
    assert not x, "a message"
except AssertionError as error:
    print(error)
pass
...
"just a string"
print(total, text, value, ok, call, a)
while x:
    x -= 1
else: print("done")
