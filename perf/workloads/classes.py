"""Objects: accounts, orders and a dict-heavy ledger."""

from dataclasses import dataclass, field


@dataclass
class Order:
    number: int
    customer: str
    lines: dict = field(default_factory=dict)
    total: float = 0.0

    def add(self, article, price, count):
        self.lines[article] = (price, count)
        self.total += price * count


class Ledger:
    def __init__(self):
        self.balances = {}
        self.orders = []

    def book(self, order):
        name = order.customer
        self.balances[name] = self.balances.get(name, 0.0) - order.total
        self.orders.append(order)
        if len(self.orders) > 50:
            self.settle()

    def settle(self):
        for order in self.orders:
            self.balances[order.customer] += order.total
        self.orders = []


def main():
    ledger = Ledger()
    for number in range(15_000):
        order = Order(number, f"customer {number % 23}")
        for line in range(4):
            order.add(f"article {line}", 1.5 * line, number % 7)
        ledger.book(order)
