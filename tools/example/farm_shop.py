"""A farm shop's Saturday: three clerks, one delivery van, forty customers, and money that goes missing.

Every price is right, every coupon was really handed out, no exception reaches the surface, and still the till does not
agree with the books in the evening. Record it, and look:

    smiley-run tools/example/farm_shop.py
    smiley-replay last --where 'function == "pay" and event == return and value < 0'
    smiley-replay last --where 'function == "Basket.__init__" and event == call and coupons'
"""

import queue
import random
import sys
import threading
import time

from basket import Basket, CardDeclined
from stock import OutOfStock, Stock

CLERKS = ("Ada", "Ben", "Cleo")
CUSTOMERS = 40
COUPON = 250  # cents, for every tenth customer


def shopping_list(rng, names):
    """Yields what one customer wants, a few things of each kind."""
    for name in rng.sample(names, rng.randint(2, 4)):
        yield name, rng.randint(1, 3)


def arrivals(rng, stock, pace):
    """Yields customers' baskets with their wishes, in the order in which they come in."""
    for number in range(1, CUSTOMERS + 1):
        time.sleep(pace * rng.random())
        wishes = list(shopping_list(rng, stock.names()))
        basket = Basket(f"customer {number}")
        if number % 10 == 0:
            basket.add_coupon(COUPON)
        yield basket, wishes


class Till:
    """What came in, and what the books say should have."""

    def __init__(self):
        self.lock = threading.Lock()
        self.cents = 0
        self.receipts = []

    def take(self, clerk, basket, due):
        with self.lock:
            self.cents += due
            self.receipts.append((basket.owner, clerk, due))

    def expected(self, baskets):
        return sum(basket.worth() for basket in baskets) - COUPON * (CUSTOMERS // 10)


class Clerk(threading.Thread):
    def __init__(self, name, line, stock, till, pace):
        super().__init__(name=name)
        self.line = line
        self.stock = stock
        self.till = till
        self.pace = pace
        self.sorry = 0

    def run(self):
        while (job := self.line.get()) is not None:
            basket, wishes = job
            for name, count in wishes:
                self.fetch(basket, name, count)
            self.serve(basket)

    def fetch(self, basket, name, count):
        """Whatever is left of it; an empty shelf is no reason to lose a customer."""
        time.sleep(self.pace / 4)
        while count > 0:
            try:
                price = self.stock.take(name, count)
            except OutOfStock as problem:
                self.sorry += 1
                count = problem.left
            else:
                basket.add(name, price, count)
                return

    def serve(self, basket):
        for attempt in range(3):
            try:
                due = basket.pay(attempt)
            except CardDeclined:
                continue
            self.till.take(self.name, basket, due)
            return


def deliver(stock, shut):
    """The van: fills the emptiest shelf until the shop shuts."""
    while not shut.wait(0.3):
        name = min(stock.names(), key=stock.left)
        stock.put(name, 5)


def money(cents):
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"


def main(arguments):
    pace = float(arguments[0]) if arguments else 0.15  # seconds between customers; 0 = as fast as it goes
    rng = random.Random(2016)
    stock, till = Stock(), Till()
    line, shut = queue.Queue(), threading.Event()
    clerks = [Clerk(name, line, stock, till, pace) for name in CLERKS]
    van = threading.Thread(target=deliver, args=(stock, shut), name="van")
    for thread in (*clerks, van):
        thread.start()
    baskets = []
    for job in arrivals(rng, stock, pace):
        baskets.append(job[0])
        line.put(job)
    for _ in clerks:
        line.put(None)
    for clerk in clerks:
        clerk.join()
    shut.set()
    van.join()

    missing = till.expected(baskets) - till.cents
    worst = min(till.receipts, key=lambda receipt: receipt[2])
    print(f"customers served:  {len(till.receipts)}   (said sorry {sum(clerk.sorry for clerk in clerks)} times)")
    print(f"in the books:      {money(till.expected(baskets)):>8}")
    print(f"in the till:       {money(till.cents):>8}")
    print(f"missing:           {money(missing):>8}")
    print(f"strangest receipt: {money(worst[2]):>8}   {worst[0]}, served by {worst[1]}")


if __name__ == "__main__":
    main(sys.argv[1:])
