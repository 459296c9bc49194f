"""Metaclasses: __prepare__, __new__, __call__, instance checks, class getitem."""


class Meta(type):
    @classmethod
    def __prepare__(mcs, name, bases, **words):
        return {"prepared": name}

    def __new__(mcs, name, bases, namespace, **words):
        namespace["words"] = sorted(words)
        return super().__new__(mcs, name, bases, namespace)

    def __init__(cls, name, bases, namespace, **words):
        super().__init__(name, bases, namespace)

    def __call__(cls, *args):
        made = super().__call__(*args)
        made.called = True
        return made

    def __instancecheck__(cls, instance):
        return instance == 5

    def __iter__(cls):
        yield from "ab"


class Thing(metaclass=Meta, size=1):
    def __new__(cls, *args):
        return object.__new__(cls)

    def __init__(self, *args):
        self.args = args

    def __class_getitem__(cls, item):
        return item


print(Thing(1).called, Thing.prepared, Thing.words, isinstance(5, Thing), list(Thing), Thing[3])
made = type("Made", (Thing,), {"x": 1})
print(made().x, Meta("Other", (), {}).words)
