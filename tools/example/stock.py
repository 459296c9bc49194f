"""The shelves. Prices in cents."""

import threading

PRICES = {
    "apples": 240,
    "bread": 390,
    "butter": 285,
    "carrots": 150,
    "cheese": 640,
    "eggs": 320,
    "honey": 710,
    "milk": 125,
    "onions": 95,
}


class OutOfStock(Exception):
    def __init__(self, name, left):
        super().__init__(f"{name}: only {left} left")
        self.left = left


class Stock:
    def __init__(self):
        self.lock = threading.Lock()
        self.shelves = {name: 16 for name in PRICES}

    def names(self):
        return sorted(self.shelves)

    def left(self, name):
        return self.shelves[name]

    def put(self, name, count):
        with self.lock:
            self.shelves[name] += count

    def take(self, name, count):
        """The price of one; OutOfStock, with what is left, when there are fewer than `count`."""
        with self.lock:
            left = self.shelves[name]
            if left < count:
                raise OutOfStock(name, left)
            self.shelves[name] = left - count
            return PRICES[name]
