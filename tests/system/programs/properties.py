"""Properties, descriptors, __getattr__, __getattribute__, __set_name__, slots."""


class Checked:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return getattr(instance, self.name, 0)

    def __set__(self, instance, value):
        if value < 0:
            raise ValueError(value)
        setattr(instance, self.name, value)


class Account:
    balance = Checked()

    def __init__(self):
        self.balance = 5

    @property
    def half(self):
        return self.balance / 2

    @half.setter
    def half(self, value):
        self.balance = value * 2

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return name.upper()


class Watched:
    def __getattribute__(self, name):
        return super().__getattribute__(name)

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value + 1)


a = Account()
a.half = 4
print(a.half, a.balance, a.missing)
try:
    a.balance = -1
except ValueError as error:
    print(error)
w = Watched()
w.x = 1
print(w.x, hasattr(a, "__nothing__"), Account.balance.name)
