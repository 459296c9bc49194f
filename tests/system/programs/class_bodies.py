"""Class bodies with code in them, nested classes, conditional members."""


class Base:
    """A docstring."""
    registry = []
    x = 1
    y: int = x + 1

    def __init_subclass__(cls, **words):
        super().__init_subclass__()
        cls.registry.append((cls.__name__, words))

    class Inner:
        z = 3

        def method(self):
            return self.z

    if x:
        def chosen(self):
            return "yes"
    else:
        def chosen(self):
            return "no"

    for i in range(2):
        registry.append(i)
    del i


class Child(Base, word=1):
    __slots__ = ("a", "b")

    def __init__(self, a,
                 b=2):
        self.a = a
        self.b = b

    def chosen(self):
        return super().chosen() + __class__.__name__

    @staticmethod
    def static():
        return 1

    @classmethod
    def create(cls):
        return cls(5)


c = Child.create()
print(Base.registry, c.chosen(), c.a, c.b, Base.Inner().method(), Child.static())
try:
    class Broken:
        value = 1
        raise ValueError("in a body")
except ValueError as error:
    print(error)
