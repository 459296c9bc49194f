"""A recursive-descent parser and evaluator over a long text of arithmetic."""

import random


class Parser:
    def __init__(self, text):
        self.text = text
        self.at = 0

    def peek(self):
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1
        return self.text[self.at] if self.at < len(self.text) else ""

    def number(self):
        start = self.at
        while self.at < len(self.text) and self.text[self.at].isdigit():
            self.at += 1
        return int(self.text[start:self.at])

    def factor(self):
        if self.peek() == "(":
            self.at += 1
            value = self.sum()
            self.at += 1
            return value
        self.peek()
        return self.number()

    def product(self):
        value = self.factor()
        while self.peek() == "*":
            self.at += 1
            value = value * self.factor() % 1_000_003
        return value

    def sum(self):
        value = self.product()
        while self.peek() in "+-" and self.peek():
            sign = self.peek()
            self.at += 1
            value = value + self.product() if sign == "+" else value - self.product()
        return value


def expression(rng, depth):
    if depth == 0:
        return str(rng.randrange(100))
    parts = [expression(rng, depth - 1) for _ in range(3)]
    return "(" + f" {rng.choice('+-*')} ".join(parts) + ")"


def main():
    rng = random.Random(1)
    for _ in range(90):
        Parser(expression(rng, 5)).sum()
