"""Recursion up to the limit that the program sets: the events of a shallow recursion, repeated for each level.

A trace function written in Python runs out of stack long before the interpreter does, so the reference is shallow.
"""

import unittest

import support
from test_tracer_sequence import Compared

PROGRAM = """
import sys


def down(n):
    if n == 0:
        return 0
    return down(n - 1) + 1


def over(n):
    global deepest
    deepest = n
    over(n + 1)


sys.setrecursionlimit(%d)
print(down(%d))
if %r:
    try:
        over(1)
    except RecursionError:
        print(deepest)
"""
SHALLOW = 20


class Recursion(Compared):
    def down(self, events):
        (found,) = events.values()
        return [e for e in found if e[1] == "down"]

    def test_each_level_has_its_events(self):
        for python in support.pythons():
            with self.subTest(python=python):
                path = self.script("shallow.py", PROGRAM % (1000, SHALLOW, False))
                shallow = self.down(self.reference(python, path))
                first, last = shallow[:3], shallow[-1:]
                bottom = shallow[3 * SHALLOW : -SHALLOW]
                self.assertEqual(shallow, first * SHALLOW + bottom + last * SHALLOW)
                self.assertEqual([e[0] for e in bottom], ["call", "line", "line", "return"])
                for limit in (1000, 20000, 60000):
                    depth = limit - 60
                    path = self.script("deep.py", PROGRAM % (limit, depth, False))
                    found = self.down(self.by_thread(self.recorded(python, path, "--detail", "lines"), path))
                    self.assertTrue(
                        found == first * depth + bottom + last * depth, "depth %d: %d events" % (depth, len(found))
                    )

    def test_beyond_the_limit_each_level_unwinds(self):
        for python in support.pythons():
            with self.subTest(python=python):
                path = self.script("over.py", PROGRAM % (2000, 5, True))
                alone = self.run_words([python, path])
                lines = self.recorded(python, path)
                ((_, found),) = self.by_thread(lines, path).items()
                over = [e[0] for e in found if e[1] == "over"]
                deepest = int(alone.text.splitlines()[1])
                raised = over.index("exception")
                self.assertEqual(over[raised:], ["exception", "return"] * (len(over[raised:]) // 2))
                self.assertIn(
                    over.count("return") - deepest, (0, 1)
                )  # versions differ: the call that fails may begin
                self.assertEqual(over.count("call"), over.count("return"))
                texts = [o["exception"]["type"] for o in lines if o["type"] == "event" and o["event"] == "unwind"]
                self.assertEqual(set(texts), {"RecursionError"})


if __name__ == "__main__":
    unittest.main()
