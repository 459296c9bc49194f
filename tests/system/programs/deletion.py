"""del of names, items, slices, attributes; unbound names."""


def names():
    a = b = 1
    del a
    try:
        return a
    except UnboundLocalError:
        a = 2
    return a + b


class Thing:
    def __init__(self):
        self.x = [1, 2, 3, 4]

    def __delattr__(self, name):
        print("delete", name)
        super().__delattr__(name)

    def __delitem__(self, key):
        del self.x[key]


t = Thing()
del t[0]
del t.x[1:]
del t.x
d = {"a": 1, "b": 2}
del d["a"], d["b"]
x = 1
del x
try:
    x
except NameError as error:
    print(error)
print(names(), d)
