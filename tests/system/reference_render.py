"""Renders a Python object as the JSON contract of the design says: a second implementation, from its text only.

It runs in a process of its own and may call the methods of objects.
"""

import base64
import collections
import datetime
import decimal
import enum
import fractions
import pathlib
import types
import uuid

DEPTH, ITEMS, CHARS, ARGS = 3, 64, 256, 16
UNBOUND = {"$type": "unbound"}
MAPPINGS = (
    (collections.Counter, "Counter"),
    (collections.OrderedDict, "OrderedDict"),
    (collections.defaultdict, "defaultdict"),
    (dict, "dict"),
)
SEQUENCES = ((list, "list"), (tuple, "tuple"), (set, "set"), (frozenset, "frozenset"), (collections.deque, "deque"))
TEXTS = (
    (datetime.datetime, "datetime"),
    (datetime.date, "date"),
    (datetime.time, "time"),
    (datetime.timedelta, "timedelta"),
    (datetime.timezone, "timezone"),
    (decimal.Decimal, "Decimal"),
    (uuid.UUID, "UUID"),
)


def class_name(kind):
    module = kind.__dict__.get("__module__", kind.__module__)
    if not isinstance(module, str) or module == "builtins":
        return kind.__qualname__
    return module + "." + kind.__qualname__


def function_name(function):
    if not isinstance(function.__module__, str):
        return function.__qualname__
    return function.__module__ + "." + function.__qualname__


def builtin_name(function):
    owner = function.__self__
    if owner is not None and not isinstance(owner, types.ModuleType):
        return class_name(owner if isinstance(owner, type) else type(owner)) + "." + function.__name__
    if function.__module__ in (None, "builtins"):
        return function.__name__
    return function.__module__ + "." + function.__name__


def in_base64(data):
    return base64.b64encode(data).decode("ascii")


class Renderer:
    """Renders one value; each value needs a new object."""

    def __init__(self):
        self.ids = {}

    def seen(self, thing):
        if id(thing) in self.ids:
            return {"$type": "ref", "id": self.ids[id(thing)]}
        self.ids[id(thing)] = len(self.ids) + 1
        return None

    def characters(self, text):
        shown = text[:CHARS]
        cut = len(text) - len(shown)
        try:
            shown.encode("utf-8")
        except UnicodeEncodeError:
            result = {"$type": "str", "base64": in_base64(shown.encode("utf-8", "surrogatepass"))}
        else:
            if not cut:
                return shown
            result = {"$type": "str", "text": shown}
        if cut:
            result["cut"] = cut
        return result

    def integer(self, number):
        if abs(number) <= 2**53 - 1:
            return number
        text = str(number)
        sign = text.startswith("-")
        if len(text) - sign > 256:
            return {"$type": "int", "text": text[: 256 + sign], "bits": number.bit_length()}
        return {"$type": "int", "text": text}

    def floating(self, number):
        if number != number or number in (float("inf"), float("-inf")):
            return {"$type": "float", "text": repr(number)}
        return number

    def octets(self, kind, data):
        result = {"$type": kind, "base64": in_base64(bytes(data[:CHARS]))}
        if len(data) > CHARS:
            result["cut"] = len(data) - CHARS
        return result

    def attributes(self, thing, depth):
        names = {}
        held = getattr(thing, "__dict__", None)
        if isinstance(held, dict):
            names.update(held)
        for kind in type(thing).__mro__:
            slots = kind.__dict__.get("__slots__", ())
            for name in [slots] if isinstance(slots, str) else slots:
                if name in ("__dict__", "__weakref__"):
                    continue
                mangled = (
                    "_%s%s" % (kind.__name__.lstrip("_"), name)
                    if name.startswith("__") and not name.endswith("__")
                    else name
                )
                try:
                    names.setdefault(mangled, object.__getattribute__(thing, mangled))
                except AttributeError:
                    pass
        return names

    def shown_attributes(self, names, depth, result):
        shown = list(names.items())[:ITEMS]
        result["attributes"] = {str(k): self.render(v, depth + 1) for k, v in shown}
        if len(names) > len(shown):
            result["cut"] = len(names) - len(shown)

    def container(self, thing, kind, depth):
        result = {"$type": kind, "id": self.ids[id(thing)]}
        count = len(thing)
        if depth >= DEPTH:
            result["cut"] = count
            return result
        if isinstance(thing, dict):
            shown = list(dict.items(thing))[:ITEMS]
            result["items"] = [[self.render(k, depth + 1), self.render(v, depth + 1)] for k, v in shown]
        else:
            shown = [item for item, _ in zip(iter(thing), range(ITEMS))]
            result["items"] = [self.render(item, depth + 1) for item in shown]
        if count > len(shown):
            result["cut"] = count - len(shown)
        return result

    def exception(self, error, depth):
        result = {
            "$type": "exception",
            "class": class_name(type(error)),
            "id": self.ids[id(error)],
            "args": [self.render(a, depth + 1) for a in error.args[:ARGS]],
        }
        if getattr(error, "__notes__", None):
            result["notes"] = list(error.__notes__)
        for name, linked in (("cause", error.__cause__), ("context", error.__context__)):
            if linked is not None and depth + 1 < DEPTH:
                result[name] = self.render(linked, depth + 1)
        return result

    def render(self, thing, depth=0):
        kind = type(thing)
        if thing is None or kind is bool:
            return thing
        if kind is int:
            return self.integer(thing)
        if kind is float:
            return self.floating(thing)
        if kind is str:
            return self.characters(thing)
        if kind is complex:
            return {"$type": "complex", "real": self.floating(thing.real), "imag": self.floating(thing.imag)}
        if kind is bytes:
            return self.octets("bytes", thing)
        if isinstance(thing, enum.Enum):
            return {"$type": "enum", "class": class_name(kind), "text": "%s.%s" % (kind.__name__, thing._name_)}
        for text, name in TEXTS:
            if kind is text:
                return {"$type": name, "text": str(thing)}
        if kind is fractions.Fraction:
            return {"$type": "Fraction", "text": "%d/%d" % (thing.numerator, thing.denominator)}
        if isinstance(thing, pathlib.PurePath):
            return {"$type": "Path", "class": class_name(kind), "text": str(thing)}
        if kind is range or kind is slice:
            return {"$type": kind.__name__, "text": repr(thing)}
        if thing is NotImplemented or thing is ...:
            return {"$type": repr(thing).lower(), "text": repr(thing)}
        if kind is types.FunctionType:
            return {"$type": "function", "text": function_name(thing)}
        if kind is types.MethodType:
            return {"$type": "method", "text": function_name(thing.__func__)}
        if kind is types.BuiltinFunctionType:
            return {"$type": "builtin", "text": builtin_name(thing)}
        if kind is types.ModuleType:
            return {"$type": "module", "text": thing.__name__}
        if isinstance(thing, type):
            return {"$type": "class", "text": class_name(thing)}
        return self.seen(thing) or self.compound(thing, kind, depth)

    def compound(self, thing, kind, depth):
        if kind is bytearray:
            return dict(self.octets("bytearray", thing), id=self.ids[id(thing)])
        if isinstance(thing, BaseException):
            return self.exception(thing, depth)
        for base, name in MAPPINGS + SEQUENCES:
            if isinstance(thing, base):
                result = self.container(thing, name, depth)
                return self.with_class(thing, kind, base, depth, result)
        for base, shown in (
            (int, lambda: {"$type": "int", "text": str(int(thing))}),
            (float, lambda: {"$type": "float", "text": repr(float(thing))}),
            (str, lambda: dict(self.subclass_of_str(thing))),
            (bytes, lambda: self.octets("bytes", bytes(thing))),
        ):
            if isinstance(thing, base):
                return self.with_class(thing, kind, base, depth, shown())
        result = {"$type": "object", "class": class_name(kind), "id": self.ids[id(thing)]}
        names = self.attributes(thing, depth)
        has_attributes = kind.__flags__ & (1 << 9) and (
            hasattr(thing, "__dict__") or any(k.__dict__.get("__slots__") for k in kind.__mro__)
        )
        if not has_attributes:
            return result
        if depth >= DEPTH:
            result["cut"] = len(names)
        else:
            self.shown_attributes(names, depth, result)
        return result

    def subclass_of_str(self, thing):
        shown = self.characters(str.__str__(thing))
        return shown if isinstance(shown, dict) else {"$type": "str", "text": shown}

    def with_class(self, thing, kind, base, depth, result):
        if kind is base:
            return result
        result["class"] = class_name(kind)
        names = self.attributes(thing, depth)
        if names and depth < DEPTH:
            self.shown_attributes(names, depth, result)
        return result


def render(thing):
    return Renderer().render(thing)
