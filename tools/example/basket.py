"""What a customer carries, and what it costs."""


class CardDeclined(Exception):
    pass


class Basket:
    def __init__(self, owner, coupons=[]):
        self.owner = owner
        self.coupons = coupons
        self.items = {}

    def add_coupon(self, cents):
        self.coupons.append(cents)

    def add(self, name, price, count=1):
        have = self.items.get(name, (price, 0))[1]
        self.items[name] = (price, have + count)

    def lines(self):
        for name, (price, count) in self.items.items():
            yield name, price * count

    def worth(self):
        total = 0
        for name, cents in self.lines():
            total += cents
        return total

    def pay(self, attempt):
        due = self.worth()
        for coupon in self.coupons:
            due -= coupon
        if attempt == 0 and len(self.owner) + due % 7 == 12:
            raise CardDeclined(f"{self.owner}: the card reader did not like that card")
        return due
