"""Dataclasses, enums, named tuples: classes whose methods are made by the library."""
import dataclasses
import enum
import typing


@dataclasses.dataclass(order=True)
class Item:
    name: str
    price: float = 0.0
    tags: list = dataclasses.field(default_factory=lambda: ["new"])

    def __post_init__(self):
        self.price = round(self.price, 2)


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int


class Color(enum.Enum):
    RED = 1
    GREEN = 2

    @property
    def nice(self):
        return self.name.lower()

    @classmethod
    def _missing_(cls, value):
        return cls.RED


class Flag(enum.IntFlag):
    A = enum.auto()
    B = enum.auto()


class Place(typing.NamedTuple):
    x: int
    y: int = 0

    def shifted(self):
        return self._replace(x=self.x + 1)


print(Item("b", 1.234) < Item("c"), dataclasses.asdict(Item("a")), Color(9).nice, Color.GREEN.nice)
print(Place(1).shifted(), Flag.A | Flag.B)
try:
    Frozen(1).x = 2
except dataclasses.FrozenInstanceError as error:
    print(error)
