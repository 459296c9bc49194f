"""--detail arguments records calls with arguments and return values, without lines and other variables."""

import unittest

import support
from test_tracer_sequence import Recorded

PROGRAM = """
import sys

class Order:
    def __init__(self, number):
        self.number = number

    def pay(self, amount, *rest, password="top secret", **more):
        left = amount * 2
        rest = None
        return {"left": left}

def halves(n):
    while n > 1:
        n //= 2
        got = yield n
        if got:
            n = got

def fails(text):
    other = text + "!"
    raise ValueError(other)

def outer(items):
    def inner(n):
        items.append(n)
        return items
    inner(3)
    return len(items)

order = Order(7)
order.pay(2.5, "a", "b", colour="red")
numbers = halves(8)
next(numbers)
numbers.send(100)
numbers.close()
try:
    fails("bad")
except ValueError:
    pass
outer([1, 2])
"""


class Arguments(Recorded):
    def look(self, python):
        events = self.events(python, PROGRAM, "--detail", "arguments")
        self.assertFalse([e for e in events if e["event"] in ("line", "raise", "handled")])

        def of(function, kind):
            return [e for e in events if e["function"] == function and e["event"] == kind]

        (call,) = of("Order.pay", "call")
        changed = call["changed"]
        self.assertEqual(set(changed), {"self", "amount", "rest", "password", "more"})
        self.assertEqual(changed["self"]["attributes"], {"number": 7})
        self.assertEqual(changed["amount"], 2.5)
        self.assertEqual(changed["rest"]["items"], ["a", "b"])
        self.assertEqual(changed["more"]["items"], [["colour", "red"]])
        self.assertEqual(changed["password"], {"$type": "redacted"})
        (left,) = of("Order.pay", "return")
        self.assertEqual(left["value"]["items"], [["left", 5.0]])

        self.assertEqual(of("halves", "call")[0]["changed"], {"n": 8})
        self.assertEqual([e["value"] for e in of("halves", "yield")], [4, 50])
        self.assertEqual([e["value"] for e in of("halves", "resume")], [100])
        self.assertEqual(of("fails", "call")[0]["changed"], {"text": "bad"})
        self.assertEqual(len(of("fails", "unwind")), 1)
        (inner,) = of("outer.<locals>.inner", "call")
        self.assertEqual(inner["changed"]["n"], 3)
        (back,) = of("outer.<locals>.inner", "return")
        self.assertEqual(back["value"]["items"], [1, 2, 3])
        self.assertEqual(of("outer", "return")[0]["value"], 3)
        self.assertEqual([e for e in events if e["event"] != "call" and "changed" in e], [])

    def test_what_calls_are_given_and_what_comes_back(self):
        for python in support.pythons():
            with self.subTest(python=python):
                self.look(python)

    def test_the_calls_are_those_of_calls_alone(self):
        def calls(detail):
            return [
                (e["event"], e["function"], e["depth"], e["frame"])
                for e in self.events(python, PROGRAM, "--detail", detail)
            ]

        for python in support.pythons():
            with self.subTest(python=python):
                self.assertEqual(calls("arguments"), calls("calls"))

    def test_it_is_told_and_can_be_asked_for(self):
        path = self.script("app.py", PROGRAM)
        for python in support.pythons():
            with self.subTest(python=python):
                lines = self.recorded(python, path, "--detail", "arguments")
                self.assertEqual(lines[0]["detail"], "arguments")
                found = self.smiley("when", "last", "amount > 2", "--json")
                self.assert_code(found, 0)
                self.assertIn(b'"function":"Order.pay"', found.out)
                no_lines = self.smiley(
                    "run", "-q", "--detail", "arguments", "--start-at", path + ":5", "--python", python, path
                )
                self.assert_code(no_lines, 125)


if __name__ == "__main__":
    unittest.main()
