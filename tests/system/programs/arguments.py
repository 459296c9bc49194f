"""Parameters of every kind, defaults that are code, wrong calls."""


def default():
    return 7


def every(a, b=default(), /, c=3, *rest, d, e=5, **more):
    return a, b, c, rest, d, e, more


def annotated(a: default() = 1) -> default():
    return a


def changes(items=[]):
    items.append(len(items))
    return items


print(every(1, d=4), every(1, 2, 3, 4, 5, d=6, f=7), annotated(), changes(), changes())
for wrong in (lambda: every(1), lambda: every(d=1), lambda: annotated(1, 2), lambda: annotated(b=1)):
    try:
        wrong()
    except TypeError as error:
        print("wrong")
print(every(*(1, 2), **{"d": 3}))
